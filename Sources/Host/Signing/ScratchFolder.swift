import FoundationEssentials
import Glibc
import HostSystem

/// A folder for the files of one run of OpenSSL, which only its owner can read.
public struct ScratchFolder: Sendable {
  /// Path of the folder.
  public let path: String

  /// Makes a folder.
  ///
  /// - Throws: `FileFailure`.
  public init() throws(FileFailure) {
    let place = FileManager.default.temporaryDirectory.path
    var template = Array("\(place)/cultivar-signing-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .last("create a folder in", place) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Removes the folder with all that is in it.
  public func remove() { try? FileManager.default.removeItem(atPath: path) }
}
