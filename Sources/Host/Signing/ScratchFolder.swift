import FoundationEssentials
import Glibc
import HostSystem

/// A folder for the files of one run of OpenSSL. Only its owner can read it.
public struct ScratchFolder: Sendable {
  public let path: String

  /// - Throws: `FileFailure`.
  public init() throws(FileFailure) {
    let place = FileManager.default.temporaryDirectory.path
    var template = Array("\(place)/cultivar-signing-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .last("create a folder in", place) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Removes the folder with its content.
  public func remove() { try? FileManager.default.removeItem(atPath: path) }
}
