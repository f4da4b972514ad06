import Glibc
import LinuxSystem

/// A folder that is gone after the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/cultivar-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("make", "a temporary folder") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    FileTree.removeContents(of: path)
    rmdir(path)
  }
}
