import Foundation
import Glibc
import HostSystem

/// A folder for one run of OpenSSL, which only its owner can read.
struct ScratchFolder {
  let path: String

  init() throws(FileFailure) {
    let place = FileManager.default.temporaryDirectory.path
    var template = Array("\(place)/cultivar-signing-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .last("create a folder in", place) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
