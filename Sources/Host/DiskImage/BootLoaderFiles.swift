import BootFlow
import DebianArchive
import DeviceModel
import FoundationEssentials
import HostSystem
import Lock
import RootFilesystem

/// The boot loaders of an image, all for the same disk: systemd-boot or GRUB for UEFI, and where there are machines with a BIOS, GRUB for it; or a
/// script for U-Boot alone, which would take a loader for UEFI first where it found one.
public struct BootLoaderFiles: Sendable {
  /// What UEFI starts: an EFI executable; `nil` for an image that only U-Boot starts.
  public let uefi: URL?
  /// GRUB for a BIOS; `nil` for an architecture whose machines have no BIOS.
  public let grub: GrubForBIOS?
  private let architecture: Architecture
  private let kind: Kind

  /// What starts an image.
  public enum Kind: Sendable {
    /// systemd-boot by UEFI.
    case systemdBoot
    /// GRUB by UEFI.
    case grub
    /// U-Boot.
    case uBoot
  }

  /// GRUB for a BIOS.
  public struct GrubForBIOS: Sendable {
    /// Its first sector (`boot.img`).
    public let bootSector: URL
    /// Its core image, with all the modules that it needs; it begins with its own loader sector.
    public let core: URL

    /// Both, one after the other: what a bundle has of it.
    public func content() throws -> [UInt8] {
      try FolderTree.readFile(bootSector.path) + FolderTree.readFile(core.path)
    }
  }

  /// The packages that the loaders come from, and the suite: part of this version of Cultivar, like the tools.
  public static func request(architecture: Architecture, kind: Kind) -> [PackageRequest] {
    let packages =
      switch kind {
      case .systemdBoot: ["systemd-boot-efi"]
      case .grub: ["grub-efi-\(architecture.rawValue)-bin"]
      case .uBoot: [String]()
      }
    let all = (architecture.hasBIOS ? ["grub-pc-bin"] : []) + packages
    return all.isEmpty
      ? []
      : [
        PackageRequest(all, scope: .named, suite: ToolTree.suite, architecture: architecture.rawValue)
      ]
  }

  /// Everything that GRUB's commands need is in the core image: it reads no further module from the boot partition.
  private static let grubModules =
    ["part_gpt", "fat", "normal", "linux", "probe", "test", "echo", "configfile", "sleep", "reboot"] + Grub.modules

  /// Fetches the loaders for an architecture, and makes GRUB's core image.
  ///
  /// - Parameter bootPartitionNumber: The partition that GRUB reads its configuration from.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public init(
    for architecture: Architecture, kind: Kind, archive: DebianArchive, tools: ToolTree, cache: Cache,
    bootPartitionNumber: Int
  ) async throws {
    self.architecture = architecture
    self.kind = kind
    let requests = Self.request(architecture: architecture, kind: kind)
    let packages = try await archive.packages(for: requests).values.flatMap(\.self)
    let trees = try await archive.trees(of: packages)
    func find(_ path: String) throws -> URL {
      guard
        let found = trees.map({ $0.appending(path: path) })
          .first(where: { FileManager.default.fileExists(atPath: $0.path) })
      else {
        throw FileFailure("find", path, reason: "it is in none of \(requests.flatMap(\.names).joined(separator: ", "))")
      }
      return found
    }
    func grubCore(_ format: String, prefix: String, modules: [String]) async throws -> URL {
      let modules = modules + Self.grubModules
      let folder = try find("usr/lib/grub/\(format)").path
      var key = CacheKey("grub-core 2")
      key.add(tools.identity)
      key.add(packages.map(\.sha256.text))
      key.add([format, prefix] + modules)
      return try await cache.result("grub-core", key.hash) { place in
        try await tools.command(
          "grub-mkimage",
          ["-O", format, "-d", folder, "-p", prefix, "-o", place.appending(path: "core.img").path] + modules,
          to: "make GRUB's core image"
        ).run()
      }.appending(path: "core.img")
    }
    switch kind {
    case .systemdBoot:
      uefi = try find("usr/lib/systemd/boot/efi/\(BootPartition.systemdBoot(architecture.rawValue))")
    case .grub:
      // A prefix without a device means the partition that UEFI has loaded the core image from.
      uefi = try await grubCore(
        architecture == .amd64 ? "x86_64-efi" : "arm64-efi", prefix: "/\(BootPartition.grub)", modules: [])
    case .uBoot: uefi = nil
    }
    if architecture.hasBIOS {
      // A prefix without a disk means the disk that the BIOS booted from.
      grub = GrubForBIOS(
        bootSector: try find("usr/lib/grub/i386-pc/boot.img"),
        core: try await grubCore(
          "i386-pc", prefix: "(,gpt\(bootPartitionNumber))/\(BootPartition.grub)", modules: ["biosdisk"]))
    } else {
      grub = nil
    }
  }

  /// The files on the boot partition: loaders, their configuration, and kernel and entry of slot A.
  ///
  /// - Parameters:
  ///   - kernel: The kernel.
  ///   - initialRAM: The initial RAM file system.
  ///   - entry: What is said about slot A.
  public func bootTree(kernel: URL, initialRAM: URL, entry: BootEntry) throws -> FileTree {
    var tree = FileTree()
    let origin = "the boot loaders"
    let slot = entry.slot
    if let uefi, let loader = BootPartition.removableLoader(architecture.rawValue) {
      try tree.addFile(loader, from: uefi.path, mode: 0o755, origin: origin)
      try tree.addFile(BootPartition.uefiLoader(slot), from: uefi.path, mode: 0o755, origin: origin)
    }
    try tree.addFile(BootPartition.kernel(slot), from: kernel.path, mode: 0o755, origin: origin)
    try tree.addFile(BootPartition.initialRAM(slot), from: initialRAM.path, mode: 0o755, origin: origin)
    var files: [(path: String, content: [UInt8])] = [(BootPartition.commandLine(slot), Array(entry.commandLine.utf8))]
    if kind == .systemdBoot { files += SystemdBootFlow.initialFiles(for: entry) }
    if kind == .grub || grub != nil { files += GrubFlow.initialFiles(for: entry) }
    if kind == .uBoot { files += UBootFlow.initialFiles(for: entry) }
    if let grub { files.append((BootPartition.biosLoader(slot), try grub.content())) }
    for (path, content) in files {
      try tree.add(path, .file(.bytes(content)), mode: 0o755, from: origin)
    }
    return tree
  }
}
