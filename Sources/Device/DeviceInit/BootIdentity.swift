import BootFlow
import DeviceModel
import DeviceRecords
import LinuxSystem
import PartitionTable

/// Identifies the boot disk in stage 1, by the unique ID of the partition that the boot loader was started from.
public enum BootIdentity {
  /// The EFI variable in which systemd-boot leaves the partition's GUID as text (Boot Loader Interface).
  public static let loaderVariable =
    "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Returns the ID of the partition that the boot loader was started from.
  ///
  /// - Parameters:
  ///   - commandLine: The kernel command line, where GRUB and U-Boot leave the ID. It comes first.
  ///   - variable: The file with the boot loader's EFI variable.
  /// - Throws: ``StageFailure`` if neither has it.
  public static func bootPartition(
    commandLine: KernelCommandLine, variable: String = BootIdentity.loaderVariable
  ) throws(StageFailure) -> PartitionID {
    if let text = commandLine[KernelParameter.bootPartition] {
      guard let id = PartitionID(text) else {
        throw StageFailure("the boot loader's \(KernelParameter.bootPartition)=\(text) is not a partition ID")
      }
      return id
    }
    guard let bytes = try? FileTree.read(variable, limit: 1024) else {
      throw StageFailure(
        "the boot loader does not say which partition it was started from: there is neither "
          + "\(KernelParameter.bootPartition) on the kernel command line nor the EFI variable LoaderDevicePartUUID")
    }
    guard let guid = Self.guid(inVariable: bytes) else {
      throw StageFailure("the EFI variable LoaderDevicePartUUID does not contain a partition ID")
    }
    return .gpt(guid)
  }

  /// The EFI variable that systemd-boot sets when it has counted an entry down before it started it.
  public static let countVariable =
    "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Returns true if the boot loader tries the slot, and will not start it again by itself.
  public static func isTrial(
    commandLine: KernelCommandLine, variable: String = BootIdentity.countVariable
  ) -> Bool {
    commandLine[KernelParameter.trial] != nil || FileTree.exists(variable)
  }

  /// Returns the boot loader that chose the slot. Entries made before boot loaders named themselves are those of
  /// systemd-boot, or of GRUB on a BIOS.
  ///
  /// - Parameter firmware: A folder that exists if UEFI started the boot loader.
  static func loader(
    commandLine: KernelCommandLine, firmware: String = "/sys/firmware/efi"
  ) -> BootLoader {
    commandLine[KernelParameter.loader].flatMap(BootLoader.init)
      ?? (FileTree.exists(firmware) ? .systemdBoot : .grub)
  }

  /// The folder in which the firmware of a Raspberry Pi tells Linux about the start. Only the device trees of Raspberry
  /// Pi's kernel have it.
  public static let firmwareFolder = "/proc/device-tree/chosen/bootloader"

  /// Returns the running slot.
  ///
  /// Under ``BootLoader/tryboot``, the partition that the firmware started decides: the kernel and this program are from
  /// there. Without the firmware's report, and under other boot loaders, it is the slot on the kernel command line.
  ///
  /// - Parameter firmware: The folder with the firmware's report.
  static func slot(
    commandLine: KernelCommandLine, _ partitions: PartitionNumbers, firmware: String = BootIdentity.firmwareFolder
  ) -> Slot? {
    if loader(commandLine: commandLine) == .tryboot,
      let bytes = try? FileTree.read("\(firmware)/partition", limit: 16), bytes.count == 4
    {
      // A cell of a device tree is big-endian.
      let number = bytes.reduce(0) { $0 << 8 | Int($1) }
      if let slot = Slot.allCases.first(where: { partitions.boot(of: $0) == number }) { return slot }
    }
    return commandLine.slot
  }

  /// Returns true if the slot that runs is not the default of `autoboot.txt`: the firmware started it with its one-shot
  /// flag, or because the default cannot be started. It has to prove itself in both cases.
  static func isTrial(_ boot: BootRecord) throws -> Bool {
    try TrybootFlow(boot).choice().standard != boot.slot
  }

  /// The EFI variable in which systemd-boot leaves the vendor of the firmware as text.
  public static let firmwareVariable =
    "/sys/firmware/efi/efivars/LoaderFirmwareInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Returns true if the boot loader starts a trial only once. systemd-boot counts it down by renaming its entry, and
  /// starts it even if it cannot rename. U-Boot as a UEFI firmware can rename only in newer versions that were built
  /// with it, and does not report it.
  static func canTry(_ loader: BootLoader, variable: String = BootIdentity.firmwareVariable) -> Bool {
    guard loader == .systemdBoot, let bytes = try? FileTree.read(variable, limit: 1024) else { return true }
    return !text(inVariable: bytes).contains("U-Boot")
  }

  /// Parses the variable's file: four bytes of attributes, then UTF-16 text that may end with a zero.
  static func guid(inVariable bytes: [UInt8]) -> GUID? { GUID(text(inVariable: bytes)) }

  private static func text(inVariable bytes: [UInt8]) -> String {
    let text = bytes.dropFirst(4)
    let units = stride(from: text.startIndex, to: text.endIndex - 1, by: 2).map {
      UInt16(text[$0]) | UInt16(text[$0 + 1]) << 8
    }
    return String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
  }
}
