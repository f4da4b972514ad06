import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// The failures of starts and runs, kept on the data partition: a file with one JSON object on each line.
public struct FailureLog {
  /// Records that are kept.
  public static let limit = 32
  private static let name = "failures"

  private let folder: String

  /// Opens the log in a folder, usually ``DevicePaths/records``.
  public init(in folder: String) {
    self.folder = folder
  }

  private var path: String { folder + "/" + Self.name }

  /// The records, oldest first; lines that cannot be read are left out.
  public var records: [FailureRecord] {
    let bytes = (try? FileTree.read(path, limit: 1 << 20)) ?? []
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(FailureRecord.self, from: Data($0))
    }
  }

  /// Adds a record; the oldest leave when there are more than ``limit``.
  ///
  /// - Throws: where the folder cannot be written.
  public func add(_ record: FailureRecord) throws {
    try FileTree.makeFolders(folder)
    var bytes: [UInt8] = []
    for record in (records + [record]).suffix(Self.limit) {
      bytes += try JSONEncoder().encode(record) + [UInt8(ascii: "\n")]
    }
    try FileTree.replace(path, with: bytes)
  }
}
