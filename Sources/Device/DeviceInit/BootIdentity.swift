import DeviceModel
import DeviceRecords
import LinuxSystem
import PartitionTable

/// How stage 1 knows its disk: by the unique id of the partition that the boot loader was started from.
public enum BootIdentity {
  /// Set by systemd-boot (Boot Loader Interface): the partition's id as text.
  public static let loaderVariable =
    "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// The id of the partition that the boot loader was started from.
  ///
  /// - Parameters:
  ///   - commandLine: is asked first; GRUB and U-Boot tell it there.
  ///   - variable: the file with the boot loader's EFI variable.
  /// - Throws: ``StageFailure`` where neither tells.
  public static func bootPartition(
    commandLine: KernelCommandLine, variable: String = BootIdentity.loaderVariable
  ) throws(StageFailure) -> GUID {
    if let text = commandLine[KernelParameter.bootPartition] {
      guard let guid = GUID(text) else {
        throw StageFailure("the boot loader's \(KernelParameter.bootPartition)=\(text) is not a partition id")
      }
      return guid
    }
    guard let bytes = try? FileTree.read(variable, limit: 1024) else {
      throw StageFailure(
        "the boot loader does not tell which partition it was started from: there is neither "
          + "\(KernelParameter.bootPartition) on the kernel command line nor the EFI variable LoaderDevicePartUUID")
    }
    guard let guid = Self.guid(inVariable: bytes) else {
      throw StageFailure("the EFI variable LoaderDevicePartUUID holds no partition id")
    }
    return guid
  }

  /// Set by systemd-boot where it has counted an entry down before it started it.
  public static let countVariable =
    "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Whether the boot loader tries the slot, and will not start it again by itself.
  public static func isTrial(
    commandLine: KernelCommandLine, variable: String = BootIdentity.countVariable
  ) -> Bool {
    commandLine[KernelParameter.trial] != nil || FileTree.exists(variable)
  }

  /// What chose the slot. Entries that were made before loaders said it are those of systemd-boot, or of GRUB on a BIOS.
  ///
  /// - Parameter firmware: The folder that there is where UEFI started the loader.
  static func loader(
    commandLine: KernelCommandLine, firmware: String = "/sys/firmware/efi"
  ) -> BootRecord.Loader {
    commandLine[KernelParameter.loader].flatMap(BootRecord.Loader.init)
      ?? (FileTree.exists(firmware) ? .systemdBoot : .grub)
  }

  /// Set by systemd-boot: who made the firmware, as text.
  public static let firmwareVariable =
    "/sys/firmware/efi/efivars/LoaderFirmwareInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

  /// Whether a trial is begun once only. systemd-boot counts it down by renaming its entry, and starts it all the same where it
  /// cannot: U-Boot as a UEFI firmware renames only in newer versions that were built with it, and does not tell.
  static func canTry(_ loader: BootRecord.Loader, variable: String = BootIdentity.firmwareVariable) -> Bool {
    guard loader == .systemdBoot, let bytes = try? FileTree.read(variable, limit: 1024) else { return true }
    return !text(inVariable: bytes).contains("U-Boot")
  }

  /// Reads the variable's file: four bytes of attributes, then UTF-16 text that may end with a zero.
  static func guid(inVariable bytes: [UInt8]) -> GUID? { GUID(text(inVariable: bytes)) }

  private static func text(inVariable bytes: [UInt8]) -> String {
    let text = bytes.dropFirst(4)
    let units = stride(from: text.startIndex, to: text.endIndex - 1, by: 2).map {
      UInt16(text[$0]) | UInt16(text[$0 + 1]) << 8
    }
    return String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
  }
}
