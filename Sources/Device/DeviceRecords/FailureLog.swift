import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// The failures of starts and runs on the data partition: a file with one JSON object on each line, followed by empty lines.
///
/// It has reserved room (``ReservedFile``), so that a failure is recorded even if the partition is full, which may be its cause.
public struct FailureLog {
  /// Maximum number of records.
  public static let limit = 32
  /// Bytes of a message that are kept; of a longer one, as the report of a file system check, beginning and end.
  public static let messageLimit = 4000
  private static let name = "failures"
  private static let capacity = 64 << 10

  private let folder: String

  /// Opens the log in a folder, usually ``DevicePaths/records``.
  public init(in folder: String) {
    self.folder = folder
  }

  private var file: ReservedFile { ReservedFile(folder + "/" + Self.name, capacity: Self.capacity) }

  /// Takes the room for the records.
  ///
  /// - Throws: `SystemError` where there is none.
  public func reserve() throws(SystemError) {
    try FileTree.makeFolders(folder)
    try file.reserve()
  }

  /// The records, oldest first. Skips lines that cannot be parsed.
  public var records: [FailureRecord] {
    let bytes = (try? file.read()) ?? []
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(FailureRecord.self, from: Data($0))
    }
  }

  /// Adds a record, and removes the oldest beyond ``limit`` or for lack of room.
  ///
  /// - Throws: An error if the file cannot be written.
  public func add(_ record: FailureRecord) throws {
    try FileTree.makeFolders(folder)
    var record = record
    record.message = Self.shortened(record.message)
    var lines: [[UInt8]] = []
    for record in (records + [record]).suffix(Self.limit) {
      lines.append(try JSONEncoder().encode(record) + [UInt8(ascii: "\n")])
    }
    while lines.count > 1, lines.reduce(0, { $0 + $1.count }) > Self.capacity { lines.removeFirst() }
    try file.replace(with: Array(lines.joined()))
  }

  private static func shortened(_ message: String) -> String {
    let bytes = message.utf8
    guard bytes.count > messageLimit else { return message }
    let half = messageLimit / 2
    return String(decoding: bytes.prefix(half), as: UTF8.self) + " … "
      + String(decoding: bytes.suffix(half), as: UTF8.self)
  }
}
