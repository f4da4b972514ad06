import BootFlow
import DebianArchive
import DeviceModel
import FoundationEssentials
import HostSystem
import Lock
import RootFilesystem

/// The boot loaders of an image. They are systemd-boot or GRUB for UEFI, with GRUB for BIOS if the architecture has it;
/// or only a script for U-Boot, which would start a UEFI loader first if there was one.
public struct BootLoaderFiles: Sendable {
  /// The EFI executable that UEFI starts; `nil` for an image that only U-Boot starts.
  public let uefi: URL?
  /// GRUB for BIOS; `nil` for an architecture without BIOS.
  public let grub: GrubForBIOS?
  private let architecture: Architecture
  private let kind: BootLoader
  /// Files of the board's firmware, with their paths on the boot partition.
  private let firmware: [(file: URL, name: String)]
  private let board: BoardFirmware?

  /// GRUB for BIOS.
  public struct GrubForBIOS: Sendable {
    /// The boot sector (`boot.img`).
    public let bootSector: URL
    /// The core image with all modules that it needs. It begins with its own loader sector.
    public let core: URL

    /// Boot sector and core image, concatenated, as in a bundle.
    public func content() throws -> [UInt8] {
      try FolderTree.readFile(bootSector.path) + FolderTree.readFile(core.path)
    }
  }

  /// The requests for the packages of the loaders. Their suite is part of this version of Cultivar, as for the tools.
  ///
  /// - Parameter board: The firmware that the boot partition contains; `nil` for a board with its own.
  public static func request(
    architecture: Architecture, kind: BootLoader, board: BoardFirmware? = nil
  ) -> [PackageRequest] {
    let packages =
      switch kind {
      case .systemdBoot: ["systemd-boot-efi"]
      case .grub: ["grub-efi-\(architecture.rawValue)-bin"]
      case .uBoot, .tryboot: [String]()
      }
    let all = (architecture.hasBIOS ? ["grub-pc-bin"] : []) + packages + (board?.packages ?? [])
    return all.isEmpty
      ? []
      : [
        PackageRequest(all, scope: .named, suite: ToolTree.suite, architecture: architecture.rawValue)
      ]
  }

  /// The core image contains all modules that GRUB's commands need, so it loads none from the boot partition.
  private static let grubModules =
    ["part_gpt", "fat", "normal", "linux", "probe", "test", "echo", "configfile", "sleep", "reboot"] + Grub.modules

  /// Fetches the loaders for an architecture and makes GRUB's core image.
  ///
  /// - Parameters:
  ///   - board: The firmware that the boot partition contains; `nil` for a board with its own.
  ///   - bootPartitionNumber: Number of the partition with GRUB's configuration.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public init(
    for architecture: Architecture, kind: BootLoader, board: BoardFirmware? = nil, archive: DebianArchive,
    tools: ToolTree, cache: Cache, bootPartitionNumber: Int
  ) async throws {
    self.architecture = architecture
    self.kind = kind
    self.board = board
    let requests = Self.request(architecture: architecture, kind: kind, board: board)
    let packages = try await archive.packages(for: requests).values.flatMap(\.self)
    let trees = try await archive.trees(of: packages)
    func find(_ path: String) throws -> URL {
      guard
        let found = trees.map({ $0.appending(path: path) })
          .first(where: { FileManager.default.fileExists(atPath: $0.path) })
      else {
        throw FileFailure("find", path, reason: "it is not in \(requests.flatMap(\.names).joined(separator: ", "))")
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
      // A prefix without a device means the partition from which UEFI loaded the core image.
      uefi = try await grubCore(
        architecture == .amd64 ? "x86_64-efi" : "arm64-efi", prefix: "/\(BootPartition.grub)", modules: [])
    case .uBoot, .tryboot: uefi = nil
    }
    firmware = try (board?.files ?? []).map { (try find($0.source), $0.name) }
    if architecture.hasBIOS {
      // A prefix without a disk means the disk from which the BIOS booted.
      grub = GrubForBIOS(
        bootSector: try find("usr/lib/grub/i386-pc/boot.img"),
        core: try await grubCore(
          "i386-pc", prefix: "(,gpt\(bootPartitionNumber))/\(BootPartition.grub)", modules: ["biosdisk"]))
    } else {
      grub = nil
    }
  }

  /// The files of the boot partition: loaders, their configuration, and the kernel and boot entry of slot A.
  ///
  /// - Parameters:
  ///   - deviceTrees: The device trees of the kernel that the board may need.
  ///   - entry: The boot entry of slot A.
  public func bootTree(
    kernel: URL, initialRAM: URL, deviceTrees: [URL] = [], entry: BootEntry
  ) throws -> FileTree {
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
    if let board { files.append((BoardFirmware.configurationName, Array(board.configuration.utf8))) }
    for (file, name) in firmware {
      try tree.addFile(name, from: file.path, mode: 0o755, origin: "the board's firmware")
    }
    if kind == .uBoot {
      for file in deviceTrees {
        let name = file.lastPathComponent
        // The firmware gives U-Boot a tree from the root of the partition; U-Boot gives the kernel that of the slot.
        if board != nil { try tree.addFile(name, from: file.path, mode: 0o755, origin: "the kernel's device trees") }
        try tree.addFile(
          BootPartition.deviceTree("\(file.deletingLastPathComponent().lastPathComponent)/\(name)", of: slot),
          from: file.path, mode: 0o755, origin: "the kernel's device trees")
      }
    }
    for (path, content) in files {
      try tree.add(path, .file(.bytes(content)), mode: 0o755, from: origin)
    }
    return tree
  }
}
