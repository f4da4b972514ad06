import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// The failures of starts and runs on the data partition: a file with one JSON object on each line.
public struct FailureLog {
  /// Maximum number of records.
  public static let limit = 32
  private static let name = "failures"

  private let folder: String

  /// Opens the log in a folder, usually ``DevicePaths/records``.
  public init(in folder: String) {
    self.folder = folder
  }

  private var path: String { folder + "/" + Self.name }

  /// The records, oldest first. Skips lines that cannot be parsed.
  public var records: [FailureRecord] {
    let bytes = (try? FileTree.read(path, limit: 1 << 20)) ?? []
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(FailureRecord.self, from: Data($0))
    }
  }

  /// Adds a record, and removes the oldest beyond ``limit``.
  ///
  /// - Throws: An error if the file cannot be written.
  public func add(_ record: FailureRecord) throws {
    try FileTree.makeFolders(folder)
    var bytes: [UInt8] = []
    for record in (records + [record]).suffix(Self.limit) {
      bytes += try JSONEncoder().encode(record) + [UInt8(ascii: "\n")]
    }
    try FileTree.replace(path, with: bytes)
  }
}
