import Glibc
import HostSystem

/// Creation of files without replacing existing ones.
public enum NewFile {
  /// Writes a new file, which appears complete.
  ///
  /// - Throws: ``SigningFailure/exists(_:)``, `FileFailure`.
  public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    let temporary = "\(path).\(getpid()).new"
    defer { unlink(temporary) }
    try FolderTree.replaceFile(temporary, with: bytes)
    try name(temporary, path)
  }

  /// Gives a complete file its final name, unless that exists. An empty file, created exclusively, reserves the name
  /// first.
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
