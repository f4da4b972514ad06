import FoundationEssentials
import LinuxSystem

/// The content of an `/etc/fstab` (`fstab(5)`).
struct MountTable: Sendable {
  /// One line with a mount.
  struct Row: Sendable, Equatable {
    /// Source as written in the file: `PARTUUID=…`, `/dev/sda1`, `tmpfs`.
    var source: String
    /// Mount point.
    var target: String
    /// Type of file system.
    var type: String
    fileprivate var line: Substring
  }

  private let lines: [(line: Substring, row: Row?)]

  /// Parses the text. Lines without a mount have no row.
  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard let first = fields.first, !first.hasPrefix("#"), fields.count >= 3 else { return (line, nil) }
      return (
        line,
        Row(source: Self.plain(first), target: Self.plain(fields[1]), type: String(fields[2]), line: line)
      )
    }
  }

  /// The mounts, in order.
  var rows: [Row] { lines.compactMap(\.row) }

  /// The text without mounts of the image's own partitions. Its disk no longer exists, and an image of Cultivar mounts
  /// its own partitions before `/etc/fstab` is read.
  var withoutDisk: String {
    lines.filter { entry in
      guard let row = entry.row else { return true }
      return !row.isOnDisk
    }.map(\.line).joined(separator: "\n")
  }

  /// The text of a field without octal escapes, which fstab uses for spaces.
  private static func plain(_ field: Substring) -> String {
    ["\\040": " ", "\\011": "\t", "\\134": "\\"].reduce(String(field).trimmingQuotes) {
      $0.replacing($1.key, with: $1.value)
    }
  }
}

extension MountTable.Row {
  /// True if the row mounts a disk of the machine or its root, or is swap. False for memory, network and bind mounts.
  var isOnDisk: Bool {
    target == "/" || type == "swap" || source.hasPrefix("/dev/")
      || ["UUID=", "PARTUUID=", "LABEL=", "PARTLABEL=", "ID="].contains(where: source.hasPrefix)
  }

  /// True if the row's source is this partition.
  ///
  /// - Parameters:
  ///   - uuid: UUID of the file system.
  ///   - label: Label of the file system.
  func names(_ partition: DiskPartition, uuid: String, label: String) -> Bool {
    func value(_ key: String) -> String? {
      guard source.hasPrefix("\(key)=") else { return nil }
      return source.dropFirst(key.utf8.count + 1).description.trimmingQuotes
    }
    if let id = value("PARTUUID") { return id.lowercased() == partition.id }
    if let id = value("UUID") { return !uuid.isEmpty && id.lowercased() == uuid.lowercased() }
    if let name = value("PARTLABEL") { return !name.isEmpty && name == partition.name }
    if let name = value("LABEL") { return !name.isEmpty && name == label }
    // `/dev/sda1`, `/dev/mmcblk0p1`: the name of the disk on the publisher's machine is not known. There is only one
    // disk, so compare the number.
    guard source.hasPrefix("/dev/"), let last = source.split(separator: "/").last, !source.hasPrefix("/dev/mapper/")
    else {
      return false
    }
    let digits = String(last.reversed().prefix { $0.isNumber }.reversed())
    return partition.number > 0 && Int(digits) == partition.number
  }
}

extension String {
  fileprivate var trimmingQuotes: String { trimming { "\"'".contains($0) } }
}
