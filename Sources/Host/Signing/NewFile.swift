import Glibc
import HostSystem

/// Files that never take the place of others.
public enum NewFile {
  /// Writes a file that is not there yet; it appears complete.
  ///
  /// - Throws: ``SigningFailure/exists(_:)``, `FileFailure`.
  public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    let temporary = "\(path).\(getpid()).new"
    defer { unlink(temporary) }
    try FolderTree.replaceFile(temporary, with: bytes)
    try name(temporary, path)
  }

  /// Gives a complete file its name, unless something has it. The name is taken first, by an empty file that nobody else can have made.
  static func name(_ temporary: String, _ path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw SigningFailure.exists(path) }
      throw FileFailure.last("write", path)
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
      let failure = FileFailure.last("write", path)
      unlink(path)
      throw failure
    }
  }
}
