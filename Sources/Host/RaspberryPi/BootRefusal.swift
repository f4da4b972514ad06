/// A reason why an image cannot start on a model, found before it is built.
public struct BootRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  /// The reason, as a sentence without a period.
  public var reason: String
  /// The remedy.
  public var hint: String

  public var description: String { "\(reason); \(hint)" }

  /// The origin of a kernel or of firmware files.
  public enum Vendor: Sendable {
    case debian
    case raspberryPi
  }

  /// The kind of a partition table.
  public enum Table: Sendable {
    case mbr
    case gpt
  }

  /// A day.
  public struct Day: Sendable, Comparable, CustomStringConvertible {
    var year, month, day: Int

    public init(_ year: Int, _ month: Int, _ day: Int) { (self.year, self.month, self.day) = (year, month, day) }

    public static func < (one: Day, other: Day) -> Bool {
      (one.year, one.month, one.day) < (other.year, other.month, other.day)
    }

    public var description: String {
      "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
    }
  }

  /// The first `start4.elf` that starts from a GPT under boot loaders since February 2025.
  static let firstFirmwareForGPT = Day(2025, 1, 16)

  private static func list(_ models: [Model]) -> String { models.map(\.rawValue).joined(separator: ", ") }

  /// Refuses the boot flow `tryboot` for models and kernels that cannot set or read the one-shot flag.
  public static func tryboot(models: [Model], kernel: Vendor) -> [BootRefusal] {
    let old = models.filter { $0.chip == .bcm2837 }
    var refusals: [BootRefusal] = []
    if !old.isEmpty {
      refusals.append(
        BootRefusal(
          reason:
            "the boot flow tryboot does not work on the models \(list(old)): they do not act on the one-shot flag",
          hint: "use `loader: u-boot`"))
    }
    if kernel == .debian {
      refusals.append(
        BootRefusal(
          reason: "the boot flow tryboot needs Raspberry Pi's kernel: Debian's cannot set the one-shot flag",
          hint: "use Raspberry Pi's kernel (docs/raspberry-pi.md), or `loader: u-boot`"))
    }
    return refusals
  }

  /// Refuses a GPT with a `start4.elf` that is too old for it.
  ///
  /// - Parameter firmware: The date in the file, or `nil` if the image has none (see ``FirmwareDate``).
  public static func gpt(models: [Model], table: Table, firmware: Day?) -> [BootRefusal] {
    let affected = models.filter { $0.chip == .bcm2711 }
    guard table == .gpt, !affected.isEmpty else { return [] }
    guard let firmware else {
      return [
        BootRefusal(
          reason: "the date of start4.elf cannot be found, so it is not known to start from a GPT",
          hint: "use an MBR, or firmware of Raspberry Pi's archive (docs/raspberry-pi.md)")
      ]
    }
    guard firmware < firstFirmwareForGPT else { return [] }
    return [
      BootRefusal(
        reason:
          "start4.elf of \(firmware) does not start from a GPT on the models \(list(affected)) with a boot loader of 2025 "
          + "or later",
        hint: "use an MBR, or firmware of \(firstFirmwareForGPT) or later (docs/raspberry-pi.md)")
    ]
  }

  /// Refuses a FAT32 file system on a GPT that the boot loader would take for FAT16.
  ///
  /// - Parameters:
  ///   - partition: The partition, for the message.
  ///   - isFAT32: True if the file system has the layout of FAT32.
  public static func fat(partition: String, isFAT32: Bool, clusters: UInt64, table: Table) -> [BootRefusal] {
    guard table == .gpt, isFAT32, clusters < 65_525 else { return [] }
    return [
      BootRefusal(
        reason:
          "the partition \(partition) is FAT32 with \(clusters) clusters: on a GPT the boot loader takes fewer than 65,525 "
          + "for FAT16, and finds no files",
        hint: "make it larger, use FAT16, or an MBR")
    ]
  }

  /// Refuses a kernel without drivers for the SD card of a Pi 5.
  ///
  /// - Parameter configuration: The kernel's configuration, as in `/boot/config-VERSION`.
  public static func storageDriver(models: [Model], configuration: String) -> [BootRefusal] {
    let affected = models.filter { $0.chip == .bcm2712 }
    guard !affected.isEmpty else { return [] }
    let options = Set(configuration.split(separator: "\n"))
    func has(_ option: String) -> Bool { options.contains("\(option)=y") || options.contains("\(option)=m") }
    guard !has("CONFIG_MMC_SDHCI_BRCMSTB") else { return [] }
    return [
      BootRefusal(
        reason: "the kernel has no driver for the SD card of the models \(list(affected)) (CONFIG_MMC_SDHCI_BRCMSTB)",
        hint: "use Raspberry Pi's kernel, or a kernel of forky or trixie-backports")
    ]
  }
}

/// The date of a firmware file.
public enum FirmwareDate {
  private static let mark = Array("VC_BUILD_ID_TIME: ".utf8)
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Finds the date in a `start*.elf`: `VC_BUILD_ID_TIME: Apr 17 2024`. The same mark also has the time of day.
  public static func find(in file: [UInt8]) -> BootRefusal.Day? {
    var start = file.startIndex
    while let place = file[start...].firstIndex(of: mark[0]) {
      start = place + 1
      guard file[place...].starts(with: mark) else { continue }
      let text = file[(place + mark.count)...].prefix(16).prefix { $0 >= 0x20 && $0 < 0x7f }
      let words = String(decoding: text, as: UTF8.self).split(separator: " ")
      if words.count == 3, let month = months.firstIndex(of: String(words[0])), let day = Int(words[1]),
        (1...31).contains(day), let year = Int(words[2]), (2000...2100).contains(year)
      {
        return BootRefusal.Day(year, month + 1, day)
      }
    }
    return nil
  }
}
