import Foundation
import Glibc
import HostSystem

/// A folder for one run of OpenSSL, which only its owner can read.
struct ScratchFolder: ~Copyable {
  let path: String

  init() throws(FileFailure) {
    var template = Array("\(FileManager.default.temporaryDirectory.path)/cultivar-signing-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw .last("create a folder in", "\(FileManager.default.temporaryDirectory.path)")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
