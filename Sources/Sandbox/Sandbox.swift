import Foundation
import Glibc
import HostSystem

/// Runs programs apart from the build host: in name spaces of their own for mounts, processes and (unless asked for) the network.
///
/// Everything that is mounted is mounted in a private mount name space, which ends with the last program in it: there is nothing to
/// take down, and so nothing that can be left behind when taking down fails. No folder of the host is bound where anything is
/// written, and of `/dev` only single nodes, so that no deletion in a tree can reach the host.
///
/// As root it needs nothing else; another user needs a range of subordinate ids (`subuid(5)`) and the programs that map it.
public struct Sandbox: Sendable {
  /// The tree that a program works on.
  public enum Root: Sendable {
    /// Layers, the topmost first, and a folder that takes what changes.
    case overlay(lower: [URL], upper: URL)
    /// Layers, the topmost first; what changes is dropped.
    case view(lower: [URL])
  }

  /// Where a program runs.
  public enum Place: Sendable {
    /// In the tree, as its root.
    case inside
    /// On the host's own programs, which it cannot write to; the tree is at ``Sandbox/treePath``.
    case beside
  }

  /// A file or folder of the host that a program can see.
  public struct Binding: Sendable {
    /// The file or folder.
    public var source: URL
    /// Its path in the sandbox; below `/run` or `/tmp` where the tree keeps what changes, so that nothing of it is left there.
    public var path: String
    /// Whether it can be written to.
    public var isWritable: Bool

    /// Makes a binding.
    public init(_ source: URL, at path: String, isWritable: Bool = false) {
      self.source = source
      self.path = path
      self.isWritable = isWritable
    }

    var isFolder: Bool {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder) && isFolder.boolValue
    }
  }

  /// Path of the tree for a program that runs ``Place/beside`` it.
  public static let treePath = "/run/cultivar/root"

  /// Folder for scratch: mount points, and the work folders of overlays. On the same file system as the layers.
  public var scratch: URL
  /// How programs of the trees are run where they are of another architecture; `nil` for the host's own.
  public let emulation: Emulation?

  /// Makes sandboxes.
  ///
  /// - Throws: ``SandboxFailure`` where this user cannot have any.
  public init(scratch: URL, emulation: Emulation? = nil) throws(SandboxFailure) {
    self.scratch = scratch
    self.emulation = emulation
    if geteuid() != 0 { try UserRights(uid: getuid()).check() }
    if let emulation, !Emulation.isPrivate, !emulation.isRegistered() {
      throw .noEmulation(of: emulation.target.rawValue)
    }
  }

  /// Runs a shell script to its end.
  ///
  /// - Parameters:
  ///   - script: Text for `/bin/sh -eu`.
  ///   - root: The tree.
  ///   - place: Where it runs.
  ///   - bindings: What else it sees.
  ///   - environment: Its whole environment, but for `PATH`, `HOME` and the locale.
  ///   - network: Whether it may use the host's network.
  ///   - folder: Its working folder in the sandbox.
  ///   - twins: Programs that stand in for those of the tree.
  ///   - purpose: What is being done, for the error.
  /// - Returns: Its standard output.
  /// - Throws: `CommandFailure`, `FileFailure`.
  @discardableResult
  public func run(
    _ script: String, root: Root, place: Place = .inside, bindings: [Binding] = [], environment: [String: String] = [:],
    network: Bool = false, folder: String = "/", twins: Twins? = nil, to purpose: String
  ) async throws -> String {
    let work = scratch.appending(path: "sandbox-\(UUID().uuidString)")
    try FolderTree.create(work.path)
    defer { Self.remove(work) }
    let setup = SandboxScript(
      root: root, place: place, sources: bindings, work: work, network: network, folder: folder,
      emulation: emulation, twins: twins)
    try setup.writeFiles(running: script)
    var variables: [String: String?] = [:]
    // Nothing of the caller's environment goes in: neither secrets nor what would make builds differ.
    for name in ProcessInfo.processInfo.environment.keys { variables[name] = .some(nil) }
    for (name, value) in Self.baseEnvironment.merging(environment, uniquingKeysWith: { $1 }) { variables[name] = value }
    let arguments = Self.nameSpaces(network: network) + ["/bin/sh", "-eu", work.appending(path: "setup").path]
    return try await HostCommand("/usr/bin/unshare", arguments, to: purpose, environment: variables, in: "/").run()
  }

  /// A program in a sandbox that somebody else starts and waits for, with a terminal of its own.
  public struct Session: Sendable {
    /// The program to start, with its arguments.
    public var program: String
    /// Its arguments.
    public var arguments: [String]
    /// Its whole environment.
    public var environment: [String: String]
  }

  /// Prepares a sandbox for a program on the terminal; it is gone with ``scratch``.
  ///
  /// - Parameters:
  ///   - command: The program with its arguments.
  ///   - root: The tree.
  ///   - bindings: What else it sees.
  ///   - environment: Added to `PATH`, `HOME`, `TERM` and the locale.
  ///   - folder: Its working folder in the sandbox.
  /// - Throws: `FileFailure`.
  public func session(
    _ command: [String], root: Root, bindings: [Binding] = [], environment variables: [String: String] = [:],
    folder: String = "/"
  ) throws -> Session {
    let work = scratch.appending(path: "sandbox-\(UUID().uuidString)")
    try FolderTree.create(work.path)
    let setup = SandboxScript(
      root: root, place: .inside, sources: bindings, work: work, network: false, folder: folder, keepsInput: true,
      emulation: emulation)
    try setup.writeFiles(running: "exec " + command.map(\.quotedForShell).joined(separator: " ") + "\n")
    var environment = Self.baseEnvironment.merging(variables) { $1 }
    environment["TERM"] = ProcessInfo.processInfo.environment["TERM"] ?? "dumb"
    return Session(
      program: "/usr/bin/unshare",
      arguments: Self.nameSpaces(network: false) + ["/bin/sh", "-eu", work.appending(path: "setup").path],
      environment: environment)
  }

  /// Removes a folder that sandboxes have written: also what belongs to ids that only they have.
  public static func remove(_ folder: URL) {
    FolderTree.remove(folder.path)
    guard geteuid() != 0, access(folder.path, F_OK) == 0 else { return }
    let removal = Process()
    removal.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    removal.arguments = userNameSpace + ["rm", "-rf", "--one-file-system", "--", folder.path]
    removal.standardError = FileHandle.nullDevice
    try? removal.run()
    removal.waitUntilExit()
  }

  static let baseEnvironment = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
  ]

  /// Options of `unshare` that make the caller root of a user name space with its whole range of subordinate ids.
  private static var userNameSpace: [String] {
    geteuid() == 0 ? [] : ["--user", "--map-root-user", "--map-auto"]
  }

  private static func nameSpaces(network: Bool) -> [String] {
    userNameSpace
      + ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--ipc", "--uts"]
      + (network ? [] : ["--net"])
  }
}
