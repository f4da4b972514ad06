import Glibc
import LinuxSystem

/// The files of a package as a tar archive, decompressed while it is read.
final class PackageArchive {
  private var output: Descriptor?
  private let package: InstallationPlan.Package
  private let decompressor: pid_t?
  /// The archive as it was decompressed ahead of time; removed when it is read.
  private let ready: String?

  /// Starts decompressing.
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
      // It reads from here to the stream's end.
      input = try Descriptor(opening: path, O_RDONLY)
      guard lseek(input.number, off_t(package.offset), SEEK_SET) >= 0 else { throw SystemError("read", path) }
      words = plan.decompressor
    } else {
      input = try Descriptor(opening: "/dev/null", O_RDONLY)
      words = ["/usr/bin/dpkg-deb", "--fsys-tarfile", path]
    }
    decompressor = try ChildProcess.start(
      ProcessStart(words[0], words, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]),
      input: input, output: pipe.writing, error: Descriptor(owning: dup(STDERR_FILENO)))
  }

  /// The descriptor to read from.
  var number: Int32 { output?.number ?? -1 }

  /// Ends reading, waits for the decompressor, and says why it failed; `nil` where it did not.
  func close() -> InstallationFailure? {
    output = nil
    if let ready { unlink(ready) }
    guard let decompressor else { return nil }
    var status: Int32 = 0
    while waitpid(decompressor, &status, 0) < 0, errno == EINTR {}
    let end = ProcessEnd(waitStatus: status)
    // It may not have been read to its end, by somebody who knows why.
    return end == .exited(0) || end == .signalled(Int(SIGPIPE))
      ? nil : InstallationFailure("\(package.archive) cannot be decompressed: \(end)")
  }

  /// The file of an archive that is decompressed ahead, once it is whole; `nil` where it is to be decompressed here.
  ///
  /// Whoever makes the folder first decompresses. The other one waits for a lock, which ends with the first one's process.
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
