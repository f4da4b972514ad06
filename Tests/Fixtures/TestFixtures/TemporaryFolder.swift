import Foundation

/// Makes a new folder for a closure and removes it afterwards.
public func withTemporaryFolder<Value>(_ work: (URL) async throws -> Value) async throws -> Value {
  let folder = ProcessFolder.newPlace("test")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await work(folder)
}

/// A folder that is removed when this object is released.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// Makes a new folder. Its path is short enough for a socket in it.
  public init() throws {
    path = ProcessFolder.url.appending(path: String(UUID().uuidString.prefix(8))).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension URL {
  /// Writes a file below the folder, and makes its parent folders.
  @discardableResult
  public func writing(_ text: String, to path: String, mode: Int = 0o644) throws -> URL {
    try writing(Array(text.utf8), to: path, mode: mode)
  }

  /// Writes a file below the folder, and makes its parent folders.
  @discardableResult
  public func writing(_ bytes: [UInt8], to path: String, mode: Int = 0o644) throws -> URL {
    let file = appending(path: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    return file
  }

  /// Returns the content of a file below the folder as text.
  public func text(_ path: String) throws -> String {
    try String(contentsOf: appending(path: path), encoding: .utf8)
  }
}
