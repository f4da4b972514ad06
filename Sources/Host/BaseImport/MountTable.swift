import FoundationEssentials
import LinuxSystem

/// `/etc/fstab` of an image (`fstab(5)`).
struct MountTable: Sendable {
  /// One line that mounts something.
  struct Row: Sendable, Equatable {
    /// What is mounted, as it is written: `PARTUUID=…`, `/dev/sda1`, `tmpfs`.
    var source: String
    /// Where.
    var target: String
    /// Kind of file system.
    var type: String
    fileprivate var line: Substring
  }

  private let lines: [(line: Substring, row: Row?)]

  /// Reads the text.
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

  /// What it mounts, in order.
  var rows: [Row] { lines.compactMap(\.row) }

  /// The text without what the image's own partitions were mounted by: of its disk nothing is left, and an image of Cultivar's mounts its
  /// own partitions before `/etc/fstab` is read.
  var withoutDisk: String {
    lines.filter { entry in
      guard let row = entry.row else { return true }
      return !row.isOnDisk
    }.map(\.line).joined(separator: "\n")
  }

  /// A field's text: spaces are written as octal numbers.
  private static func plain(_ field: Substring) -> String {
    ["\\040": " ", "\\011": "\t", "\\134": "\\"].reduce(String(field).trimmingQuotes) {
      $0.replacing($1.key, with: $1.value)
    }
  }
}

extension MountTable.Row {
  /// Whether it is about a disk of the machine, or its root: not memory, not the network, not a folder.
  var isOnDisk: Bool {
    target == "/" || type == "swap" || source.hasPrefix("/dev/")
      || ["UUID=", "PARTUUID=", "LABEL=", "PARTLABEL=", "ID="].contains(where: source.hasPrefix)
  }

  /// Whether the row's source is a partition with these ids.
  ///
  /// - Parameters:
  ///   - uuid: Id of the file system.
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
    // `/dev/sda1`, `/dev/mmcblk0p1`: which disk the publisher's machine called so is not known, and there is one.
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
