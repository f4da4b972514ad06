import FoundationEssentials
import Glibc
import LinuxSystem

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
    let target = file.resolvingSymlinksInPath().path
    let folder = FileTree.parent(of: target)
    let temporary = "\(folder)/.\(file.resolvingSymlinksInPath().lastPathComponent).\(getpid())"
    do throws(SystemError) {
      try FileTree.makeFolders(folder, mode: 0o777)
      // A file that an earlier process left there may have other rights.
      unlink(temporary)
      let descriptor = try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
      var status = stat()
      if stat(target, &status) == 0 { fchmod(descriptor.number, status.st_mode & 0o7777) }
      try descriptor.write(all: Array(text.utf8))
      try descriptor.synchronise()
      guard rename(temporary, target) == 0 else { throw SystemError("write", target) }
      try Descriptor(opening: folder, O_RDONLY | O_DIRECTORY).synchronise()
    } catch {
      unlink(temporary)
      throw ProjectFailure("cannot write \(file.path): \(String(cString: strerror(error.code)))")
    }
  }
}
