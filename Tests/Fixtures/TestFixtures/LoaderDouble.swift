import Crypto
import Foundation
import RaspberryPi

/// A double of a boot loader that works on the files of a boot partition. It is written from the boot loaders' own
/// documentation and source, not from the code that it checks.
public enum LoaderDouble: String, CaseIterable, Sendable {
  case systemdBoot
  case grub
  case uBoot
  /// The firmware of a Raspberry Pi 4. Its partitions are files: ``TrybootFile``.
  case tryboot

  /// Boots once: chooses a slot, and writes the files that the boot loader writes. Returns `nil` if it cannot start a
  /// slot.
  ///
  /// - Parameters:
  ///   - folder: The files of the boot partition.
  ///   - canWrite: True if the firmware lets the boot loader write.
  public func start(_ folder: URL, canWrite: Bool = true) throws -> String? {
    var before: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
      before[name] = (try? Data(contentsOf: folder.appending(path: name))).map(Array.init)
    }
    var after = before
    let slot = start(files: &after, canWrite: canWrite)
    for name in before.keys where after[name] == nil {
      try FileManager.default.removeItem(at: folder.appending(path: name))
    }
    for (name, bytes) in after where before[name] != bytes { try Data(bytes).write(to: folder.appending(path: name)) }
    return slot
  }

  /// Boots once from files in memory, by their paths.
  public func start(files: [String: [UInt8]]) -> String? {
    var files = files
    return start(files: &files, canWrite: true)
  }

  private func start(files: inout [String: [UInt8]], canWrite: Bool) -> String? {
    switch self {
    case .systemdBoot: Self.startSystemdBoot(&files, canWrite)
    case .grub: Self.startGrub(&files, canWrite)
    case .uBoot: Self.startUBoot(&files, canWrite)
    case .tryboot: Self.startTryboot(&files)
    }
  }

  // MARK: systemd-boot (src/boot/boot.c: entries are sorted by tries left, then sort key; the counters are in the name)

  private struct Entry {
    var path: String
    var fields: [String: String] = [:]
    var base: Substring
    var left: Int?
    var done = 0

    init?(_ path: String, _ bytes: [UInt8]) {
      guard path.hasPrefix("loader/entries/"), path.hasSuffix(".conf") else { return nil }
      self.path = path
      let stem = path.dropLast(5)
      base = stem
      if let plus = stem.lastIndex(of: "+") {
        let counts = stem[stem.index(after: plus)...].split(separator: "-").compactMap { Int($0) }
        if let first = counts.first { (base, left, done) = (stem[..<plus], first, counts.count > 1 ? counts[1] : 0) }
      }
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ", maxSplits: 1)
        if words.count == 2 { fields[String(words[0])] = String(words[1]) }
      }
      if fields["linux"] == nil { return nil }
    }
  }

  private static func startSystemdBoot(_ files: inout [String: [UInt8]], _ canWrite: Bool) -> String? {
    let entries = files.compactMap { Entry($0.key, $0.value) }.sorted {
      ($0.left == 0 ? 1 : 0, $0.fields["sort-key"] ?? "~") < ($1.left == 0 ? 1 : 0, $1.fields["sort-key"] ?? "~")
    }
    guard let chosen = entries.first else { return nil }
    if let left = chosen.left, left > 0, canWrite {
      files["\(chosen.base)+\(left - 1)-\(chosen.done + 1).conf"] = files.removeValue(forKey: chosen.path)
    }
    return slot(inOptions: chosen.fields["options"])
  }

  // MARK: GRUB (the commands of grub.cfg, as its manual describes them)

  private static func variables(_ block: [UInt8]?) -> [String: String]? {
    guard let block, block.count == 1024 else { return nil }
    let text = String(decoding: block, as: UTF8.self)
    guard text.hasPrefix("# GRUB Environment Block\n") else { return nil }
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
    }
    return values
  }

  private static func startGrub(_ files: inout [String: [UInt8]], _ canWrite: Bool) -> String? {
    let present = files
    func commands(_ slot: String) -> String? {
      ["grub", "grub-2"].lazy.compactMap { name in
        let text = present["slots/\(slot)/\(name).cfg"].map { String(decoding: $0, as: UTF8.self) }
        return Self.slot(inOptions: text?.split(separator: "\n").first { $0.contains("linux ") }.map(String.init))
      }.first
    }
    var record: [String: String] = [:]
    for copy in 1...2 {
      // Like `sha256sum --check`: the first word of the line is the digest of the file.
      let line = files["grub/choice-\(copy).sha256"].map { String(decoding: $0, as: UTF8.self) }
      guard let block = files["grub/choice-\(copy).env"], let wanted = line?.split(separator: " ").first,
        SHA256.hash(data: block).map({ String(format: "%02x", $0) }).joined() == wanted,
        let values = variables(block)
      else { continue }
      record = values
      break
    }
    if let trial = record["cultivar_trial"], !trial.isEmpty,
      let begun = variables(files["grub/begun.env"])?["cultivar_begun"], begun != record["cultivar_number"], canWrite,
      let slot = commands(trial)
    {
      let text = "# GRUB Environment Block\ncultivar_begun=\(record["cultivar_number"] ?? "")\n"
      files["grub/begun.env"] = Array((text + String(repeating: "#", count: 1024 - text.utf8.count)).utf8)
      return slot
    }
    return [record["cultivar_standard"] ?? "", "a", "b"].lazy.filter { !$0.isEmpty }.compactMap(commands).first
  }

  // MARK: U-Boot (the commands of boot.scr, as U-Boot's documentation describes them: `env import -c` checks a CRC-32)

  private static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }

  private static func environment(_ bytes: [UInt8]?) -> [String: String]? {
    guard let bytes, bytes.count > 4,
      bytes[..<4].reversed().reduce(UInt32(0), { $0 << 8 | UInt32($1) }) == crc32(bytes[4...])
    else { return nil }
    var values: [String: String] = [:]
    for item in bytes[4...].split(separator: 0) {
      let parts = String(decoding: item, as: UTF8.self).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
    }
    return values
  }

  private static func startUBoot(_ files: inout [String: [UInt8]], _ canWrite: Bool) -> String? {
    let present = files
    func start(_ slot: String) -> String? {
      ["u-boot", "u-boot-2"].lazy.compactMap { name in
        Self.slot(inOptions: environment(present["slots/\(slot)/\(name).env"])?["cultivar_arguments"])
      }.first
    }
    let record = (1...2).lazy.compactMap { environment(present["u-boot/choice-\($0).env"]) }.first ?? [:]
    if let trial = record["cultivar_trial"], let slot = start(trial), let number = record["cultivar_number"],
      let begun = environment(files["u-boot/begun.env"])?["cultivar_begun"], begun != number, canWrite
    {
      let text = Array("cultivar_begun=\(number)\0\0".utf8)
      let data = text + [UInt8](repeating: 0, count: 508 - text.count)
      let sum = crc32(data)
      files["u-boot/begun.env"] = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) } + data
      return slot
    }
    return [record["cultivar_standard"] ?? "", "a", "b"].lazy.compactMap(start).first
  }

  // MARK: The firmware of a Raspberry Pi (its double)

  /// Files in the folder of the double of a Raspberry Pi's firmware.
  public enum TrybootFile {
    /// The partition with `autoboot.txt`, number 1.
    public static let configuration = "configuration.img"
    /// The boot partitions of slots A and B, numbers 2 and 3.
    public static let slots = ["boot-a.img", "boot-b.img"]
    /// The argument of the restart, which the firmware forgets.
    public static let argument = "restart-argument"
  }

  private static func startTryboot(_ files: inout [String: [UInt8]]) -> String? {
    let argument = files.removeValue(forKey: TrybootFile.argument)
    let partitions = ([TrybootFile.configuration] + TrybootFile.slots).compactMap { files[$0] }
    let card = CardImage(partitions.map { CardImage.Partition($0) })
    let medium = BootMedium(size: UInt64(card.bytes.count)) { card.read($0, $1) }
    let start = try? FirmwareDouble(.pi4).start(
      medium, after: argument.map { Restart(argument: String(decoding: $0, as: UTF8.self)) } ?? .powerOn)
    return slot(inOptions: start?.commandLine)
  }

  private static func slot(inOptions options: String?) -> String? {
    options?.split(separator: " ").first { $0.hasPrefix("cultivar.slot=") }.map { String($0.dropFirst(14)) }
  }
}
