import Glibc
import LinuxSystem

/// The files of a package as a tar archive, decompressed while they are read.
final class PackageArchive {
  private var output: Descriptor?
  private let package: InstallationPlan.Package
  private let decompressor: pid_t?
  /// Path of the archive that was decompressed in advance; removed after reading.
  private let ready: String?

  /// Starts the decompression.
  ///
  /// - Throws: `SystemError`, `StartError`.
  init(_ package: InstallationPlan.Package, plan: InstallationPlan) throws {
    self.package = package
    if !plan.ahead.isEmpty, package.isXZ, let ready = try Self.ready("\(plan.ahead)/\(package.archive)") {
      output = try Descriptor(opening: ready, O_RDONLY)
      self.ready = ready
      decompressor = nil
      return
    }
    ready = nil
    let path = "\(plan.archives)/\(package.archive)"
    let pipe = try Pipe(isBlocking: true)
    output = pipe.reading
    let input: Descriptor
    let words: [String]
    if package.isXZ, !plan.decompressor.isEmpty {
      // The decompressor reads from here to the end of the stream.
      input = try Descriptor(opening: path, O_RDONLY)
      guard lseek(input.number, off_t(package.offset), SEEK_SET) >= 0 else { throw SystemError("read", path) }
      words = plan.decompressor
    } else {
      input = try Descriptor(opening: "/dev/null", O_RDONLY)
      words = ["/usr/bin/dpkg-deb", "--fsys-tarfile", path]
    }
    decompressor = try ChildProcess.start(
      ProcessStart(words[0], words, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]),
      input: input, output: pipe.writing, error: Descriptor.standardError)
  }

  var number: Int32 { output?.number ?? -1 }

  /// Ends reading and waits for the decompressor. Returns the reason if it failed.
  func close() -> InstallationFailure? {
    output = nil
    if let ready { unlink(ready) }
    guard let decompressor else { return nil }
    var status: Int32 = 0
    while waitpid(decompressor, &status, 0) < 0, errno == EINTR {}
    let end = ProcessEnd(waitStatus: status)
    // SIGPIPE is not an error here: the reader stopped early and has reported the reason itself.
    return end == .exited(0) || end == .signalled(Int(SIGPIPE))
      ? nil : InstallationFailure("\(package.archive) cannot be decompressed: \(end)")
  }

  /// Returns the path of an archive that is decompressed in advance, once it is complete; `nil` if this process has to
  /// decompress it.
  ///
  /// The process that makes the folder decompresses the archive. The other one waits for a lock, which the first one's
  /// end releases.
  private static func ready(_ folder: String) throws(SystemError) -> String? {
    guard mkdir(folder, 0o755) != 0 else { return nil }
    guard errno == EEXIST else { throw SystemError("make the folder", folder) }
    let lock = try Descriptor(opening: "\(folder)/lock", O_RDWR | O_CREAT)
    while flock(lock.number, LOCK_EX) != 0 {
      guard errno == EINTR else { throw SystemError("lock", folder) }
    }
    return FileTree.exists("\(folder)/tar") ? "\(folder)/tar" : nil
  }
}
