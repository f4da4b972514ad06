import FoundationEssentials
import Glibc
import HostSystem

/// Files that only their owner can read, from their first byte on.
enum PrivateFile {
  /// Writes a new file.
  ///
  /// - Throws: `FileFailure`.
  static func create(_ path: String, _ text: String) throws(FileFailure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .last("create", path) }
    let file = OpenFile(owning: descriptor, path: path)
    do {
      try file.write(Array(text.utf8))
      try file.synchronise()
    } catch {
      unlink(path)
      throw error
    }
  }

  /// Writes or replaces a file. A power cut leaves the old content or the new.
  static func replace(_ path: String, _ text: String) throws(FileFailure) {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    try create(temporary, text)
    guard rename(temporary, path) == 0 else {
      let failure = FileFailure.last("write", path)
      unlink(temporary)
      throw failure
    }
  }
}
