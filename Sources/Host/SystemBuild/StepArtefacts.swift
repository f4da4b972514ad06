import FoundationEssentials
import Glibc
import HostSystem

/// Files that a step has left for the folder of the artefacts. The step may be untrusted: only regular files and
/// folders are copied, links are not followed, and set-user-ID bits are dropped.
struct StepArtefacts {
  private let folder: URL
  private let ignored: Set<String>

  /// Describes the files of a step.
  ///
  /// - Parameters:
  ///   - folder: Working folder of the step.
  ///   - ignored: Names in the folder that are mount points of the artefacts, and not files of the step.
  init(_ folder: URL, ignoring ignored: Set<String>) {
    self.folder = folder
    self.ignored = ignored
  }

  /// Copies the files, and replaces existing files of the same names.
  ///
  /// - Throws: `FileFailure`, also for a link, pipe, socket or device, and for a name that begins with a dot. Such
  ///   names are reserved for the build's records.
  func copy(to target: URL) throws {
    for name in try FolderTree.names(in: folder.path) where !ignored.contains(name) {
      guard !name.hasPrefix(".") else {
        throw FileFailure("copy", name, reason: "a step wrote it as an artefact, but its name begins with a dot")
      }
      try copy(folder.appending(path: name).path, to: target.appending(path: name).path)
    }
  }

  private func copy(_ source: String, to target: String) throws {
    var status = stat()
    guard lstat(source, &status) == 0 else { throw FileFailure.last("read", source) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      try FolderTree.create(target)
      for name in try FolderTree.names(in: source) { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
    case S_IFREG:
      let from = open(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard from >= 0 else { throw FileFailure.last("read", source) }
      let input = OpenFile(owning: from, path: source)
      let temporary = "\(target).\(UUID().uuidString).new"
      let to = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0o100 != 0 ? 0o755 : 0o644)
      guard to >= 0 else { throw FileFailure.last("write", temporary) }
      let output = OpenFile(owning: to, path: temporary)
      defer { unlink(temporary) }
      try output.write(restOf: input)
      guard rename(temporary, target) == 0 else { throw FileFailure.last("write", target) }
    default:
      throw FileFailure(
        "copy", target, reason: "a step wrote it as an artefact, but it is neither a file nor a folder")
    }
  }
}
