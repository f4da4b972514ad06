import Foundation
import Glibc
import Hashing
import HostSystem
import Sandbox
import TestFixtures

/// A folder with layers of a test, and sandboxes over them.
struct Bench {
  let folder: URL
  let box: Sandbox

  /// True if this user can make sandboxes.
  static let canMount = (try? Sandbox(scratch: URL(fileURLWithPath: "/"))) != nil

  /// Makes a bench for a test and removes it afterwards.
  ///
  /// - Parameter name: Name of the folder, with any characters that a path may have.
  static func with(_ name: String = "bench", _ body: (Bench) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let place = folder.appending(path: name)
      try FolderTree.create(place.path)
      let bench = Bench(folder: place, box: try Sandbox(scratch: place))
      // The test cannot remove files of subordinate IDs itself.
      defer { Sandbox.remove(place) }
      try await body(bench)
    }
  }

  func layer(_ name: String) throws -> URL {
    let layer = folder.appending(path: "layers/\(name)")
    try FolderTree.create(layer.path)
    return layer
  }

  /// Makes a layer with a shell and its tools, all in one static program.
  func system() throws -> URL {
    let layer = try layer("system")
    let program = try FolderTree.readFile("/bin/busybox")
    try layer.writing(program, to: "bin/busybox", mode: 0o755)
    let names = [
      "cat", "chmod", "chown", "chroot", "dd", "env", "find", "grep", "id", "ls", "mkdir", "mknod", "rm", "rmdir",
      "sh", "sleep", "test", "umount", "wc", "wget",
    ]
    for name in names { try FolderTree.link("busybox", at: layer.appending(path: "bin/\(name)").path) }
    return layer
  }

  /// Describes all files in a folder, with kinds, modes, owners and contents, for a comparison.
  func picture(of folder: URL) throws -> [String] {
    var lines: [String] = []
    func add(_ path: String, _ name: String) throws {
      var status = stat()
      guard lstat(path, &status) == 0 else { throw FileFailure.last("read", path) }
      var line = "\(name) \(String(status.st_mode, radix: 8)) \(status.st_uid) \(status.st_gid)"
      if status.st_mode & S_IFMT == S_IFREG { line += " \(try Digest(ofFile: path))" }
      lines.append(line)
      guard status.st_mode & S_IFMT == S_IFDIR else { return }
      for child in try FolderTree.names(in: path) { try add("\(path)/\(child)", "\(name)/\(child)") }
    }
    try add(folder.path, "")
    return lines
  }

  /// Describes the host's device nodes that sandboxes bind: numbers, modes, owners.
  static func hostNodes() -> [String] {
    ["null", "zero", "full", "random", "urandom", "tty"].compactMap { name in
      var status = stat()
      guard lstat("/dev/\(name)", &status) == 0 else { return nil }
      return "\(name) \(String(status.st_mode, radix: 8)) \(status.st_rdev) \(status.st_uid) \(status.st_gid)"
    }
  }

  /// Returns the host's mounts below the bench.
  func mounts() throws -> [String] {
    let text = String(decoding: try FolderTree.readFile("/proc/self/mountinfo"), as: UTF8.self)
    return text.split(separator: "\n").filter { $0.contains(folder.path) }.map(String.init)
  }

  /// Returns the host's processes that have a word in their arguments.
  static func processes(with word: String) throws -> [String] {
    try FolderTree.names(in: "/proc").filter { name in
      guard Int(name) != nil, let line = try? FolderTree.readFile("/proc/\(name)/cmdline") else { return false }
      return String(decoding: line, as: UTF8.self).contains(word)
    }
  }
}

extension FolderTree {
  static func link(_ target: String, at path: String) throws {
    guard symlink(target, path) == 0 else { throw FileFailure.last("make a link at", path) }
  }
}
