import BootFlow
import DebianArchive
import DeviceModel
import Foundation
import HostSystem
import Lock
import RootFilesystem

/// The boot loaders of an image: systemd-boot for UEFI and, where there are machines with a BIOS, GRUB for it, both for the same disk.
public struct BootLoaderFiles: Sendable {
  /// systemd-boot, as an EFI executable.
  public let systemdBoot: URL
  /// GRUB; `nil` for an architecture whose machines have no BIOS.
  public let grub: Grub?
  private let architecture: Architecture

  /// GRUB for a BIOS.
  public struct Grub: Sendable {
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
  public static func request(architecture: Architecture) -> PackageRequest {
    PackageRequest(
      architecture.hasBIOS ? ["grub-pc-bin", "systemd-boot-efi"] : ["systemd-boot-efi"], scope: .named,
      suite: ToolTree.suite, architecture: architecture.rawValue)
  }

  /// Everything that GRUB's commands need is in the core image: it reads no further module from the boot partition.
  private static let grubModules =
    ["biosdisk", "part_gpt", "fat", "normal", "linux", "probe", "test", "echo", "configfile", "sleep", "reboot"]
    + GrubFlow.modules

  /// Fetches the loaders for an architecture, and makes GRUB's core image.
  ///
  /// - Parameter bootPartitionNumber: The partition that GRUB reads its configuration from.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public init(
    for architecture: Architecture, archive: DebianArchive, tools: ToolTree, cache: Cache, bootPartitionNumber: Int
  ) async throws {
    self.architecture = architecture
    let request = Self.request(architecture: architecture)
    let packages = try await archive.packages(for: [request])[request] ?? []
    let trees = try await archive.trees(of: packages)
    func find(_ path: String) throws -> URL {
      guard
        let found = trees.map({ $0.appending(path: path) })
          .first(where: { FileManager.default.fileExists(atPath: $0.path) })
      else { throw FileFailure("find", path, reason: "it is in none of \(request.names.joined(separator: ", "))") }
      return found
    }
    systemdBoot = try find("usr/lib/systemd/boot/efi/\(BootPartition.systemdBoot(architecture.rawValue))")
    guard architecture.hasBIOS else {
      grub = nil
      return
    }
    let modules = try find("usr/lib/grub/i386-pc").path
    var key = CacheKey("grub-core 1")
    key.add(tools.identity)
    key.add(packages.map(\.sha256.text))
    key.add(Self.grubModules)
    key.add("\(bootPartitionNumber)")
    let folder = try await cache.result("grub-core", key.hash) { folder in
      // A prefix without a disk means the disk that the BIOS booted from.
      let prefix = "(,gpt\(bootPartitionNumber))/\(BootPartition.grub)"
      try await tools.command(
        "grub-mkimage",
        ["-O", "i386-pc", "-d", modules, "-p", prefix, "-o", folder.appending(path: "core.img").path]
          + Self.grubModules, to: "make GRUB's core image"
      ).run()
    }
    grub = Grub(bootSector: try find("usr/lib/grub/i386-pc/boot.img"), core: folder.appending(path: "core.img"))
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
    if let loader = BootPartition.removableLoader(architecture.rawValue) {
      try tree.addFile(loader, from: systemdBoot.path, mode: 0o755, origin: origin)
    }
    let slot = entry.slot
    try tree.addFile(BootPartition.kernel(slot), from: kernel.path, mode: 0o755, origin: origin)
    try tree.addFile(BootPartition.initialRAM(slot), from: initialRAM.path, mode: 0o755, origin: origin)
    try tree.addFile(BootPartition.uefiLoader(slot), from: systemdBoot.path, mode: 0o755, origin: origin)
    let texts = [
      (BootPartition.loaderConfiguration, "timeout 0\nconsole-mode keep\neditor no\nauto-entries no\n"),
      (SystemdBootFlow.initialEntry(of: slot), entry.bootLoaderSpecification(generation: 1)),
      (BootPartition.commandLine(slot), entry.commandLine),
    ]
    var files = texts.map { (path: $0, content: Array($1.utf8)) }
    if let grub {
      files.append((BootPartition.grubCommands(slot), Array(entry.grubCommands.utf8)))
      files += GrubFlow.initialFiles(standard: slot)
      files.append((BootPartition.biosLoader(slot), try grub.content()))
    }
    for (path, content) in files {
      try tree.add(path, .file(.bytes(content)), mode: 0o755, from: origin)
    }
    return tree
  }
}
