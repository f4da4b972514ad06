import FoundationEssentials
import Glibc
import HostSystem
import SandboxPlan

/// Runs programs apart from the build host: in namespaces of their own for users, mounts, processes and (unless asked for) the network.
///
/// `cultivar-sandbox` makes them. Everything that is mounted is mounted in a private mount namespace, which ends with the last program in
/// it: there is nothing to unmount, and so nothing that can be left behind when unmounting fails. No folder of the host is bound where
/// anything is written, and of `/dev` only single nodes, so that no deletion in a tree can reach the host. No program of a tree runs before
/// the host's root is unmounted, every path of a tree is resolved in the tree, and programs have no rights over mounts, the kernel, the
/// clock or devices.
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
  }

  /// Path of the tree for a program that runs ``Place/beside`` it.
  public static let treePath = SandboxPlan.treePath

  /// Folder for scratch: mount points, and the work folders of overlays. On the same file system as the layers.
  public var scratch: URL
  /// How programs of the trees are run where they are of another architecture; `nil` for the host's own.
  public let emulation: Emulation?
  /// Ids for a user who is not root.
  private let ids: SubordinateIDs

  /// Makes sandboxes.
  ///
  /// - Throws: ``SandboxFailure`` where this user cannot have any.
  public init(scratch: URL, emulation: Emulation? = nil) throws(SandboxFailure) {
    self.scratch = scratch
    self.emulation = emulation
    ids = geteuid() == 0 ? SubordinateIDs() : try UserRights(uid: getuid()).check()
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
    var plan = plan(in: work, root: root, place: place, script: script, bindings: bindings, twins: twins)
    plan.usesNetwork = network
    plan.folder = folder
    let file = try write(plan, root: root, twins: twins)
    var variables: [String: String?] = [:]
    // Nothing of the caller's environment goes in: neither secrets nor what would make builds differ.
    for name in ProcessInfo.processInfo.environment.keys { variables[name] = .some(nil) }
    for (name, value) in Self.baseEnvironment.merging(environment, uniquingKeysWith: { $1 }) { variables[name] = value }
    return try await HostCommand(
      file: try Self.program().path, ["run", file], to: purpose, environment: variables, in: "/"
    ).run()
  }

  /// A program in a sandbox that the caller starts and waits for. On a terminal it has one of its own: `cultivar-sandbox` passes on keys,
  /// output and sizes, and nothing in the sandbox has the caller's open.
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
  ///   - isOnTerminal: True if it gets a terminal; otherwise it reads and writes what the caller does.
  /// - Throws: `FileFailure`.
  public func session(
    _ command: [String], root: Root, bindings: [Binding] = [], environment variables: [String: String] = [:],
    folder: String = "/", isOnTerminal: Bool = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
  ) throws -> Session {
    let work = scratch.appending(path: "sandbox-\(UUID().uuidString)")
    try FolderTree.create(work.path)
    var plan = plan(
      in: work, root: root, place: .inside,
      script: "exec " + command.map(\.quotedForShell).joined(separator: " ") + "\n",
      bindings: bindings, twins: nil)
    plan.keepsInput = true
    plan.hasTerminal = isOnTerminal
    plan.folder = folder
    let file = try write(plan, root: root, twins: nil)
    var environment = Self.baseEnvironment.merging(variables) { $1 }
    environment["TERM"] = ProcessInfo.processInfo.environment["TERM"] ?? "dumb"
    return Session(program: try Self.program().path, arguments: ["run", file], environment: environment)
  }

  /// Removes a folder that sandboxes have written: also what belongs to ids that only they have.
  public static func remove(_ folder: URL) {
    FolderTree.remove(folder.path)
    guard geteuid() != 0, access(folder.path, F_OK) == 0, let ids = try? UserRights(uid: getuid()).check() else {
      return
    }
    var plan = SandboxPlan(work: folder.path, layers: 0, place: .beside, script: "")
    (plan.users, plan.groups) = (ids.users, ids.groups)
    let file = folder.deletingLastPathComponent().appending(path: "remove-\(UUID().uuidString)").path
    defer { unlink(file) }
    guard let program = try? program(), (try? FolderTree.writeFile(file, with: plan.bytes)) != nil else { return }
    // With all rights of this process: the program that maps ids is a privileged one.
    let words: [String] = [program.path, "remove", file]
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var child = pid_t()
    guard posix_spawn(&child, program.path, &actions, nil, &arguments, environ) == 0 else { return }
    while waitpid(child, nil, 0) < 0, errno == EINTR {}
  }

  private func plan(
    in work: URL, root: Root, place: Place, script: String, bindings: [Binding], twins: Twins?
  ) -> SandboxPlan {
    var plan = SandboxPlan(
      work: work.path, layers: Self.layers(of: root, twins).count, place: place == .inside ? .inside : .beside,
      script: script)
    plan.bindings = bindings.map { .init(source: $0.source.path, path: $0.path, isWritable: $0.isWritable) }
    if let emulation, Emulation.isPrivate {
      plan.emulator = emulation.emulator.path
      plan.registration = emulation.registration(path: SandboxPlan.emulatorPath)
    }
    if let twins {
      plan.twinTree = twins.tree.path
      plan.support = twins.support.map { .init(twin: $0.twin, path: $0.path) }
      plan.hidden = twins.hidden
      plan.programs = twins.programs.map { .init(twin: $0.twin, path: $0.path) }
    }
    (plan.users, plan.groups) = (ids.users, ids.groups)
    return plan
  }

  /// Layers, the topmost first.
  private static func layers(of root: Root, _ twins: Twins?) -> [URL] {
    switch root {
    case .overlay(let lower, _), .view(let lower): lower + (twins.map { [$0.ground] } ?? [])
    }
  }

  /// Writes a plan, and makes the folders and links of its work folder. The layers get short names: the kernel takes the options of a mount
  /// in one page.
  ///
  /// - Returns: Path of the plan.
  private func write(_ plan: SandboxPlan, root: Root, twins: Twins?) throws -> String {
    for name in ["lower", "work", "new"] { try FolderTree.create("\(plan.work)/\(name)") }
    func link(_ folder: URL, as name: String) throws {
      let place = "\(plan.work)/\(name)"
      guard symlink(folder.path, place) == 0 else { throw FileFailure.last("link a layer at", place) }
    }
    for (index, layer) in Self.layers(of: root, twins).enumerated() { try link(layer, as: "lower/\(index)") }
    switch root {
    case .overlay(_, let folder): try link(folder, as: "upper")
    case .view:
      let upper = "\(plan.work)/upper"
      try FolderTree.create(upper)
      // It becomes the root's own mode, whatever the caller's umask.
      guard chmod(upper, 0o755) == 0 else { throw FileFailure.last("set the mode of", upper) }
    }
    let file = "\(plan.work)/plan"
    try FolderTree.writeFile(file, with: plan.bytes)
    return file
  }

  /// The program that makes sandboxes.
  ///
  /// - Throws: ``SandboxFailure/noProgram(places:)``.
  static func program() throws(SandboxFailure) -> URL { try helper("cultivar-sandbox") }

  /// A program of ours for sandboxes: beside this executable, where a build puts both, or in `../libexec/cultivar`, where it is installed.
  ///
  /// - Throws: ``SandboxFailure/noProgram(places:)``.
  public static func helper(_ name: String) throws(SandboxFailure) -> URL {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let places = [own, own.deletingLastPathComponent().appending(path: "libexec/cultivar")].map {
      $0.appending(path: name)
    }
    guard let place = places.first(where: { access($0.path, X_OK) == 0 }) else {
      throw .noProgram(places: places.map(\.path))
    }
    return place
  }

  static let baseEnvironment = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
  ]
}
