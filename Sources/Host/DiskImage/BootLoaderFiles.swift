import BootFlow
import DebianArchive
import DeviceModel
import FoundationEssentials
import HostSystem
import Lock
import PartitionTable
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

  /// The firmware file with a name on the boot partition.
  public func firmwareFile(_ name: String) -> URL? { firmware.first { $0.name == name }?.file }

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
  /// - Parameter boardPackages: Packages with the firmware that the boot partition contains.
  public static func request(
    architecture: Architecture, kind: BootLoader, boardPackages: [String] = []
  ) -> [PackageRequest] {
    let packages =
      switch kind {
      case .systemdBoot: ["systemd-boot-efi"]
      case .grub: ["grub-efi-\(architecture.rawValue)-bin"]
      case .uBoot, .tryboot: [String]()
      }
    let all = (architecture.hasBIOS ? ["grub-pc-bin"] : []) + packages + boardPackages
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
  ///   - own: Packages of the image that may have the files of the firmware. They are preferred.
  ///   - bootPartitionNumber: Number of the partition with GRUB's configuration.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public init(
    for architecture: Architecture, kind: BootLoader, board: BoardFirmware? = nil,
    preferring own: [DebianPackage] = [], archive: DebianArchive, tools: ToolTree, cache: Cache,
    bootPartitionNumber: Int
  ) async throws {
    self.architecture = architecture
    self.kind = kind
    self.board = board
    let requests = Self.request(architecture: architecture, kind: kind, boardPackages: board?.packages ?? [])
    let packages = try await archive.packages(for: requests).values.flatMap(\.self)
    let trees = try await archive.trees(of: own + packages)
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
    if kind == .uBoot {
      try addFirmware(to: &tree, deviceTrees: deviceTrees)
      if !deviceTrees.isEmpty {
        files.append((BootPartition.deviceTrees(slot), try Self.archive(of: deviceTrees)))
      }
    }
    for (path, content) in files {
      try tree.add(path, .file(.bytes(content)), mode: 0o755, from: origin)
    }
    return tree
  }

  /// The device trees of a slot in one file, for U-Boot.
  public static func archive(of deviceTrees: [URL]) throws -> [UInt8] {
    UBootDeviceTrees.bytes(
      try deviceTrees.map { file in
        let folder = file.deletingLastPathComponent().lastPathComponent
        return ("\(folder)/\(file.lastPathComponent)", try FolderTree.readFile(file.path))
      })
  }

  /// Adds the firmware of the board, its settings, and the device trees that it looks for.
  private func addFirmware(to tree: inout FileTree, deviceTrees: [URL]) throws {
    guard let board else { return }
    for (file, name) in firmware {
      try tree.addFile(name, from: file.path, mode: 0o755, origin: "the board's firmware")
    }
    for file in deviceTrees {
      try tree.addFile(file.lastPathComponent, from: file.path, mode: 0o755, origin: "the kernel's device trees")
    }
    try tree.add(
      BoardFirmware.configurationName, .file(.bytes(Array(board.configuration.utf8))), mode: 0o755,
      from: "the board's firmware")
  }

  /// The files of slot A's own boot partition, from which the firmware starts everything itself (`tryboot`).
  ///
  /// - Parameters:
  ///   - deviceTrees: The device trees of the kernel that the board may need.
  ///   - overlays: The kernel's device tree overlays, and their `README`, by which the firmware recognises the folder.
  ///   - entry: The boot entry of slot A.
  ///   - bootPartition: ID of the first partition, by which the device finds its disk.
  public func slotTree(
    kernel: URL, initialRAM: URL, deviceTrees: [URL], overlays: [URL], entry: BootEntry, bootPartition: PartitionID
  ) throws -> FileTree {
    var tree = FileTree()
    try addFirmware(to: &tree, deviceTrees: deviceTrees)
    try tree.addFile(BoardFirmware.kernel, from: kernel.path, mode: 0o755, origin: "the kernel")
    try tree.addFile(BoardFirmware.initialRAM, from: initialRAM.path, mode: 0o755, origin: "the kernel")
    for file in overlays {
      try tree.addFile(
        "overlays/\(file.lastPathComponent)", from: file.path, mode: 0o755, origin: "the kernel's device trees")
    }
    try tree.add(
      SlotBootPartition.commandLineFile,
      .file(.bytes(TrybootFlow.commandLine(of: entry, bootPartition: "\(bootPartition)"))), mode: 0o755,
      from: "the boot loaders")
    return tree
  }

  /// The files of the first partition, with the choice of a slot (`tryboot`).
  public static func choiceTree(bootA: Int, bootB: Int) throws -> FileTree {
    var tree = FileTree()
    try tree.add(
      "autoboot.txt", .file(.bytes(TrybootFlow.autoboot(numbers: (bootA, bootB)))), mode: 0o755,
      from: "the boot loaders")
    return tree
  }
}
