import BaseImport
import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Project

extension ImageBuilder {
  /// Imports and locks the published image that a system is based on; `nil` for a system of packages alone.
  ///
  /// - Throws: `BaseFailure`, `ChangedBase`, `NotLocked`, and the errors of the import.
  func base(of system: SystemDefinition, device: DeviceClass) async throws -> BaseRoot? {
    guard case .image(let definition) = system.base else { return nil }
    let file = try await BaseFile(
      definition.file, expected: definition.sha256, cache: cache, progress: progress)
    try await lock.record(base: lockedName(of: definition), file.sha256)
    if let known = try BaseImporter.existing(file, partition: definition.rootPartition, in: cache) {
      return try checked(known, definition, device)
    }
    let tools = try await progress.step("prepare the tools") { try await ToolTree(archive: archive, cache: cache) }
    let importer = BaseImporter(cache: cache, tools: tools, progress: progress)
    return try checked(
      try await importer.root(of: file, partition: definition.rootPartition), definition, device)
  }

  /// Finds the base if it was imported before; otherwise returns the name of its file. Imports and locks nothing.
  func existingBase(
    of system: SystemDefinition, device: DeviceClass
  ) async throws -> (root: BaseRoot?, missing: String?) {
    guard case .image(let definition) = system.base else { return (nil, nil) }
    let file = try await BaseFile(
      definition.file, expected: definition.sha256, cache: cache, progress: progress)
    try await lock.check(base: lockedName(of: definition), file.sha256)
    guard let known = try BaseImporter.existing(file, partition: definition.rootPartition, in: cache) else {
      return (nil, definition.file.lastPathComponent)
    }
    return (try checked(known, definition, device), nil)
  }

  /// The Debian suite that a system's packages come from.
  ///
  /// - Throws: `BaseFailure` if neither the project nor the image names a suite.
  func suite(of system: SystemDefinition, _ base: BaseRoot?) throws(BaseFailure) -> String {
    switch system.base {
    case .debian(let suite): return suite
    case .image(let definition):
      if let suite = definition.suite ?? base?.facts.suite { return suite }
      throw BaseFailure(definition.file, .noSuite(system: base?.facts.title ?? "unknown"))
    }
  }

  private func checked(
    _ root: BaseRoot, _ definition: ImportedBase, _ device: DeviceClass
  ) throws(BaseFailure) -> BaseRoot {
    guard root.facts.architecture == device.architecture.rawValue else {
      throw BaseFailure(
        definition.file, .wrongArchitecture(found: root.facts.architecture, wanted: device.architecture.rawValue))
    }
    return root
  }

  /// The name of the base in the lock file: its path relative to the project, which is the same on other machines.
  private func lockedName(of base: ImportedBase) -> String {
    let folder = project.folder.standardizedFileURL.path + "/"
    let path = base.file.standardizedFileURL.path
    return path.hasPrefix(folder) ? String(path.dropFirst(folder.utf8.count)) : base.file.lastPathComponent
  }
}

extension BaseRoot {
  /// The kernel of the base: the one that the project names, or the newest if it names none; `nil` if a package must
  /// bring the kernel.
  func kernel(for image: ImageDefinition) -> KernelFiles? {
    guard case .debian(let package, _) = image.kernel.source else { return nil }
    return KernelFiles(of: self, by: package)
  }
}
