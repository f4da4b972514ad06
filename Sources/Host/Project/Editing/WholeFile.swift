import FoundationEssentials
import Glibc
import LinuxSystem

/// Atomic writing of files: readers see the old file or the new one, never a part.
public enum WholeFile {
  /// Writes a text file and replaces an existing one. Creates missing folders.
  ///
  /// A power cut or an error at any point leaves either the old file or the new one: the text is synchronised to the
  /// disk under a temporary name, then renamed over the old file. A power cut can leave the temporary file behind.
  ///
  /// - Parameters:
  ///   - file: The file. A symbolic link is followed, and is not replaced.
  /// - Throws: ``ProjectFailure`` if the file cannot be written.
  public static func write(_ text: String, to file: URL) throws(ProjectFailure) {
    let target = file.resolvingSymlinksInPath().path
    let folder = FileTree.parent(of: target)
    let temporary = "\(folder)/.\(file.resolvingSymlinksInPath().lastPathComponent).\(getpid())"
    do throws(SystemError) {
      try FileTree.makeFolders(folder, mode: 0o777)
      // A file that an earlier process left behind may have other permission bits.
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
