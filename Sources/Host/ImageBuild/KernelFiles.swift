import BaseImport
import DebianArchive
import DeviceModel
import FoundationEssentials
import Hashing
import HostSystem
import struct LinuxSystem.ForeignTree
import Lock
import Project
import RootFilesystem

/// A kernel, and the folder of its modules.
struct KernelFiles {
  var kernel: URL
  /// The folder `…/lib/modules/VERSION`; `nil` for a kernel without modules.
  var modules: URL?
  /// Hash of the modules' folder, or of the packages that it comes from.
  var identity: Digest
  /// The folder with the device trees, in one folder for each manufacturer; `nil` if the kernel has none. For a kernel of
  /// the project's own, the kernel's folder.
  var deviceTrees: URL?
  /// The file with the kernel's configuration; `nil` if its packages have none.
  var configuration: URL?
  /// Name for messages and reports.
  var label: String

  /// The package requests for a kernel; none for a kernel of the project's own.
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

  /// Fetches the kernel, or uses the project's own. Installs no package and runs no script.
  ///
  /// - Throws: ``ImageFailure/noKernel(_:)``, `ArchiveFailure`, `FileFailure`.
  init(
    _ definition: KernelDefinition, device: DeviceClass, suite: String, archive: DebianArchive, cache: Cache
  ) async throws {
    switch definition.source {
    case .path(let kernel, let modules):
      self.kernel = kernel
      self.modules = modules
      deviceTrees = kernel.deletingLastPathComponent()
      label = kernel.lastPathComponent
      var tree = FileTree()
      if let modules { try tree.addFolder(modules.path, keepModes: false, origin: "kernel") }
      identity = try tree.identity()
    case .debian(let package, _):
      let requests = Self.requests(definition, device: device, suite: suite)
      let found = try await archive.packages(for: requests).values.flatMap(\.self)
      let parts = found.filter { KernelPackages.isPart($0.name) }.sorted { $0.name < $1.name }
      let folder = try await Self.tree(of: parts, archive: archive, cache: cache)
      guard let installed = KernelFiles(installedIn: folder, by: parts) else {
        throw ImageFailure.noKernel(package ?? device.kernelPackage)
      }
      self = installed
    }
  }

  /// The files of a kernel's packages in one folder, as if they were installed.
  private static func tree(of parts: [DebianPackage], archive: DebianArchive, cache: Cache) async throws -> URL {
    var key = CacheKey("kernel-tree 1")
    key.add(parts.map(\.sha256.text))
    return try await cache.result("kernel-tree", key.hash) { folder in
      for tree in try await archive.trees(of: parts) { try LinkedTree.add(tree, to: folder) }
    }
  }

  /// Finds the kernel that installed packages contain; returns `nil` if there is none.
  ///
  /// - Parameters:
  ///   - folder: The folder with `boot` and `usr/lib/modules`.
  ///   - images: Packages that may contain the kernel.
  init?(installedIn folder: URL, by images: [DebianPackage]) {
    guard let tree = try? ForeignTree(folder.path), let kernel = Self.kernel(in: tree) else { return nil }
    self.kernel = kernel.file
    modules = Self.modules(of: kernel.version, in: tree)
    deviceTrees = Self.deviceTrees(of: kernel.version, in: tree)
    configuration = Self.configuration(of: kernel.version, in: tree)
    var key = CacheKey("installed kernel 1")
    key.add(images.map(\.sha256.text))
    identity = key.hash
    // The name of the kernel's own package contains the version; the other packages only depend on it.
    let version = kernel.version
    let packages = images.filter { $0.name.hasSuffix("-\(version)") }.sorted { $0.name < $1.name }
    label =
      (packages.first { $0.name.hasPrefix("linux-image-") } ?? packages.first)
      .map { "\($0.name) \($0.version)" } ?? version
  }

  /// Finds the newest kernel of a base, with its modules; returns `nil` if the base has none.
  ///
  /// - Parameter package: A package that the kernel must belong to; `nil` for any kernel.
  init?(of base: BaseRoot, by package: String? = nil) {
    let kernels = base.facts.kernels.filter { kernel in package.map(kernel.packages.contains) ?? true }
    guard let version = kernels.last?.version, let tree = try? ForeignTree(base.tree.path),
      let place = BaseFacts.Kernel.places(of: version).lazy.compactMap({ tree.place(of: $0, .file) }).first
    else { return nil }
    kernel = URL(fileURLWithPath: place)
    modules = Self.modules(of: version, in: tree)
    deviceTrees = Self.deviceTrees(of: version, in: tree)
    configuration = Self.configuration(of: version, in: tree)
    var key = CacheKey("base kernel 1")
    key.add(base.key)
    key.add(version)
    identity = key.hash
    let package = base.facts.packages.first { $0.name == "linux-image-\(version)" }
    label = package.map { "\($0.name) \($0.version) of \(base.name)" } ?? "\(version) of \(base.name)"
  }

  private static let moduleFolders = ["usr/lib/modules", "lib/modules"]

  /// The first kernel of a tree in the order of names, and its version.
  private static func kernel(in tree: ForeignTree) -> (file: URL, version: String)? {
    let inBoot = tree.names(in: "boot").filter { $0.hasPrefix("vmlinuz-") }.map {
      String($0.dropFirst("vmlinuz-".count))
    }
    let versions = inBoot + moduleFolders.flatMap { tree.names(in: $0) }
    for version in versions {
      for path in BaseFacts.Kernel.places(of: version) {
        if let place = tree.place(of: path, .file) { return (URL(fileURLWithPath: place), version) }
      }
    }
    return nil
  }

  private static func modules(of version: String, in tree: ForeignTree) -> URL? {
    moduleFolders.lazy.compactMap { tree.place(of: "\($0)/\(version)", .folder) }.first.map { URL(fileURLWithPath: $0) }
  }

  /// Finds the device trees of a kernel: of one package up to Debian 13, of `linux-base-VERSION` later, which keeps the
  /// folder's name.
  private static func deviceTrees(of version: String, in tree: ForeignTree) -> URL? {
    ["usr/lib/linux-image-\(version)", "usr/lib/modules/\(version)/dtb", "boot/dtbs/\(version)"].lazy
      .compactMap { tree.place(of: $0, .folder) }.first.map { URL(fileURLWithPath: $0) }
  }

  private static func configuration(of version: String, in tree: ForeignTree) -> URL? {
    ["boot/config-\(version)", "usr/lib/modules/\(version)/config"].lazy
      .compactMap { tree.place(of: $0, .file) }.first.map { URL(fileURLWithPath: $0) }
  }

  /// The files of the device trees with some names, of one manufacturer.
  ///
  /// - Parameter names: File names; those that the kernel lacks are left out.
  /// - Throws: ``ImageFailure/noDeviceTree(_:kernel:)`` if the kernel has none of them.
  func deviceTrees(named names: [String], manufacturer: String) throws(ImageFailure) -> [URL] {
    guard !names.isEmpty else { return [] }
    // Beside a kernel of the project's own, they may be in the same folder.
    let files = names.flatMap { name in
      [name, "\(manufacturer)/\(name)"].compactMap { deviceTrees?.appending(path: $0) }
    }.filter { FileManager.default.fileExists(atPath: $0.path) }
    guard !files.isEmpty else { throw .noDeviceTree(names, kernel: label) }
    return files
  }

  /// The device tree overlays, which only the firmware itself uses: those of Raspberry Pi's kernel under `tryboot`.
  func overlays(_ loader: BootLoader) -> [URL] {
    guard loader == .tryboot, let folder = deviceTrees?.appending(path: "overlays") else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().filter { $0.hasSuffix(".dtbo") || $0.hasSuffix(".dtb") || $0 == "README" }
      .map { folder.appending(path: $0) }
  }
}
