import Foundation

/// Writes files so that nobody ever sees half of one.
public enum WholeFile {
  /// Writes a text file, in place of one that may be there. The folder is made where it is missing.
  ///
  /// A power cut or an error at any point leaves the old file or the new one: the text is complete on the disk under
  /// another name before it takes the place of the old file, in one step. What a cut can leave behind is that other file.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - file: The file; a symbolic link is followed, and stays one.
  /// - Throws: ``ProjectFailure`` where the file system refuses.
  public static func write(_ text: String, to file: URL) throws(ProjectFailure) {
    let target = file.resolvingSymlinksInPath()
    let folder = target.deletingLastPathComponent()
    let temporary = folder.appending(path: ".\(target.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: temporary)
      if let mode = try? FileManager.default.attributesOfItem(atPath: target.path)[.posixPermissions] {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: temporary.path)
      }
      try synchronize(temporary)
      guard rename(temporary.path, target.path) == 0 else {
        throw CocoaError(.fileWriteUnknown, userInfo: [NSLocalizedDescriptionKey: String(cString: strerror(errno))])
      }
      try synchronize(folder)
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw ProjectFailure("cannot write \(file.path): \(error.localizedDescription)")
    }
  }

  /// Waits until what was written to a file, or the names in a folder, are on the disk.
  private static func synchronize(_ url: URL) throws {
    let handle = try FileHandle(forReadingFrom: url)
    defer { try? handle.close() }
    try handle.synchronize()
  }
}
