import CLinuxSystem
import Glibc

/// Extended attributes of files and folders (`xattr(7)`). Symbolic links are followed.
public enum ExtendedAttributes {
  /// Names of a file's attributes, sorted; empty if the file system does not support attributes.
  public static func names(of path: String) -> [String] {
    let size = listxattr(path, nil, 0)
    guard size > 0 else { return [] }
    var text = [CChar](repeating: 0, count: size)
    let length = listxattr(path, &text, size)
    guard length > 0 else { return [] }
    return text.prefix(length).split(separator: 0).map {
      String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }.sorted()
  }

  /// Sets an attribute.
  ///
  /// - Throws: ``SystemError``.
  public static func set(_ name: String, of path: String, to value: [UInt8]) throws(SystemError) {
    try check("set the attribute \(name) of", path) { setxattr(path, name, value, value.count, 0) }
  }

  /// Removes an attribute, if it exists.
  ///
  /// - Throws: ``SystemError``.
  public static func remove(_ name: String, of path: String) throws(SystemError) {
    guard removexattr(path, name) != 0, errno != ENODATA, errno != ENOTSUP else { return }
    throw SystemError("remove the attribute \(name) of", path)
  }
}
