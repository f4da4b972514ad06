import BootFlow
import DeviceModel
import Foundation
import LinuxSystem
import Synchronization
import TestFixtures

extension LoaderDouble {
  /// The same boot loader in the boot record.
  public var kind: BootLoader {
    switch self {
    case .systemdBoot: .systemdBoot
    case .grub: .grub
    case .uBoot: .uBoot
    case .tryboot: .tryboot
    }
  }

  /// Returns the boot flow that this double checks.
  public func flow(_ folder: BootFolder) throws -> any BootFlow {
    switch self {
    case .systemdBoot: SystemdBootFlow(folder)
    case .grub: GrubFlow(folder)
    case .uBoot: UBootFlow(folder)
    case .tryboot: try TrybootFlow(Self.record(folder))
    }
  }

  /// Fills the boot partition of a new image, which is for all boot loaders.
  public func fill(_ folder: BootFolder, with entry: BootEntry) throws {
    if self == .tryboot { return try Self.fillTryboot(folder, with: entry) }
    let files =
      SystemdBootFlow.initialFiles(for: entry) + GrubFlow.initialFiles(for: entry)
      + UBootFlow.initialFiles(for: entry)
    for (path, content) in files { try folder.create(path, content) }
  }

  // MARK: The firmware of a Raspberry Pi

  /// The record of a device whose partitions are files in a folder.
  public static func record(_ folder: BootFolder, slot: Slot = .a) -> BootRecord {
    func partition(_ number: Int) -> BootRecord.SlotPartition {
      .init(number: number, path: folder.absolute(TrybootFile.slots[number - 2]))
    }
    return BootRecord(
      loader: .tryboot, slot: slot, isTrial: false, disk: "",
      bootPartition: folder.absolute(TrybootFile.configuration), bootA: partition(2), bootB: partition(3), rootA: "",
      rootB: nil)
  }

  /// Boot images that were made. The tools write the time into a file system, and a release has the same bytes each
  /// time.
  private static let made = Mutex<[[String: [UInt8]]: [UInt8]]>([:])

  /// The image of a slot's boot partition in a release.
  ///
  /// - Parameter files: The release's own files, besides the firmware and the device tree.
  public static func bootImage(_ entry: BootEntry, _ files: [String: [UInt8]] = [:]) throws -> [UInt8] {
    var all = files
    all["cmdline.txt"] = TrybootFlow.commandLine(of: entry, bootPartition: "1a2b3c4d-01")
    all["config.txt"] = Array("arm_64bit=1\ninitramfs initrd followkernel\n".utf8)
    for (name, content) in [
      "start4.elf": "firmware", "fixup4.dat": "fixup", "bcm2711-rpi-4-b.dtb": "tree", "kernel8.img": "kernel",
      "initrd": "initrd",
    ] where all[name] == nil {
      all[name] = Array(content.utf8)
    }
    return try made.withLock { made in
      if let image = made[all] { return image }
      let image = try CardImage.fat(all, size: 2880)
      made[all] = image
      return image
    }
  }

  /// The partition with `autoboot.txt` in a new image.
  public static func configurationImage() throws -> [UInt8] {
    try CardImage.fat(["autoboot.txt": TrybootFlow.autoboot(numbers: (2, 3)), "README": [1]], variant: 12, size: 1440)
  }

  /// Fills the partitions of a new image. Slot B gets the image of the same release, sealed as after an installation.
  private static func fillTryboot(_ folder: BootFolder, with entry: BootEntry) throws {
    let image = try bootImage(entry)
    var sealed = image
    for place in 0..<512 { sealed[place] = ~sealed[place] }
    try folder.create(TrybootFile.configuration, try configurationImage())
    try folder.create(TrybootFile.slots[0], image)
    try folder.create(TrybootFile.slots[1], sealed)
  }

  /// Restarts in good order: sets the argument with which a trial on offer begins.
  public func prepareRestart(_ folder: BootFolder) throws {
    if let argument = try flow(folder).beginTrial() { try folder.create(TrybootFile.argument, Array(argument.utf8)) }
  }
}
