import BaseImport
import DebianArchive
import Foundation
import HostSystem
import struct LinuxSystem.ForeignTree
import Lock
import Project
import RootFilesystem

/// A kernel, and the folder of its modules.
struct KernelFiles {
  /// The kernel image.
  var kernel: URL
  /// `…/lib/modules/VERSION`; `nil` where the kernel comes without modules.
  var modules: URL?
  /// Hash of the modules' folder, or of what it was unpacked from.
  var identity: ContentHash
  /// What to call it in messages and reports.
  var label: String

  /// The requests that a kernel takes; none for a kernel of the project's own.
  static func requests(
    _ definition: KernelDefinition, device: DeviceClass, suite projectSuite: String
  ) -> [PackageRequest] {
    guard case .debian(let package, let suite) = definition.source else { return [] }
    return [
      PackageRequest(
        [package ?? device.kernelPackage], scope: .direct, suite: suite ?? projectSuite,
        architecture: device.architecture.rawValue)
    ]
  }

  /// Fetches the kernel, or finds it where the project has it; nothing is installed, no script is run.
  ///
  /// - Throws: ``ImageFailure/noKernel(_:)``, `ArchiveFailure`, `FileFailure`.
  init(
    _ definition: KernelDefinition, device: DeviceClass, suite: String, archive: DebianArchive
  ) async throws {
    switch definition.source {
    case .path(let kernel, let modules):
      self.kernel = kernel
      self.modules = modules
      label = kernel.lastPathComponent
      var tree = FileTree()
      if let modules { try tree.addFolder(modules.path, keepModes: false, origin: "kernel") }
      identity = try tree.identity()
    case .debian(let package, _):
      let requests = Self.requests(definition, device: device, suite: suite)
      let found = try await archive.packages(for: requests).values.flatMap(\.self)
      let images = found.filter { $0.name.hasPrefix("linux-image-") }
      for (image, tree) in zip(images, try await archive.trees(of: images)) {
        let tree = try ForeignTree(tree.path)
        guard let kernel = Self.kernel(in: tree) else { continue }
        self.kernel = kernel
        modules = Self.modules(in: tree)
        identity = image.sha256
        label = "\(image.name) \(image.version)"
        return
      }
      throw ImageFailure.noKernel(package ?? device.kernelPackage)
    }
  }

  /// The kernel that installed packages brought; `nil` where none did.
  ///
  /// - Parameters:
  ///   - folder: Where `boot` and `usr/lib/modules` are.
  ///   - images: Packages that may have brought it.
  init?(installedIn folder: URL, by images: [DebianPackage]) {
    guard let tree = try? ForeignTree(folder.path), let kernel = Self.kernel(in: tree) else { return nil }
    self.kernel = kernel
    modules = Self.modules(in: tree)
    var key = CacheKey("installed kernel 1")
    key.add(images.map(\.sha256.text))
    identity = key.hash
    // The package of the kernel itself has the kernel's version in its name; the others only depend on it.
    let version = kernel.lastPathComponent.dropFirst("vmlinuz-".count)
    label = images.first { $0.name.hasSuffix(version) }.map { "\($0.name) \($0.version)" } ?? String(version)
  }

  /// The newest kernel of a base that has its modules; `nil` where it has none.
  ///
  /// - Parameter package: A package that has to stand for it; `nil` for any kernel.
  init?(of base: BaseRoot, by package: String? = nil) {
    let kernels = base.facts.kernels.filter { kernel in package.map(kernel.packages.contains) ?? true }
    guard let version = kernels.last?.version, let tree = try? ForeignTree(base.tree.path),
      let place = tree.place(of: "boot/vmlinuz-\(version)", .file)
    else { return nil }
    kernel = URL(fileURLWithPath: place)
    modules = Self.moduleFolders.lazy.compactMap { tree.place(of: "\($0)/\(version)", .folder) }.first
      .map { URL(fileURLWithPath: $0) }
    var key = CacheKey("base kernel 1")
    key.add(base.key)
    key.add(version)
    identity = key.hash
    let package = base.facts.packages.first { $0.name == "linux-image-\(version)" }
    label = package.map { "\($0.name) \($0.version) of \(base.name)" } ?? "\(version) of \(base.name)"
  }

  private static let moduleFolders = ["usr/lib/modules", "lib/modules"]

  private static func kernel(in tree: ForeignTree) -> URL? {
    tree.names(in: "boot").lazy.filter { $0.hasPrefix("vmlinuz-") }.compactMap { tree.place(of: "boot/\($0)", .file) }
      .first.map { URL(fileURLWithPath: $0) }
  }

  private static func modules(in tree: ForeignTree) -> URL? {
    for folder in moduleFolders {
      for version in tree.names(in: folder) {
        if let place = tree.place(of: "\(folder)/\(version)", .folder) { return URL(fileURLWithPath: place) }
      }
    }
    return nil
  }
}
