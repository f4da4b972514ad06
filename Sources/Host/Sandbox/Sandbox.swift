import FoundationEssentials
import Glibc
import HostSystem
import SandboxPlan

/// Runs programs isolated from the build host.
///
/// Each program has its own user, mount and PID namespaces, and its own network namespace unless it may use the host's
/// network.
///
/// The program `cultivar-sandbox` makes the namespaces. All mounts are in a private mount namespace. It ends with its
/// last process, so nothing has to be unmounted and no mount can remain.
///
/// A deletion in a tree cannot reach the host: no host folder is bind-mounted where a program writes, and only single
/// nodes of `/dev` are. No program of a tree runs before the host's root is unmounted, and every path of a tree is
/// resolved inside the tree. Programs have no capabilities for mounts, the kernel, the clock or devices.
///
/// Root needs no further setup. Another user needs a range of subordinate IDs (`subuid(5)`) and the programs that map
/// it.
public struct Sandbox: Sendable {
  /// The tree that a program works on.
  public enum Root: Sendable {
    /// Layers, the topmost first, and a folder that stores the changes.
    case overlay(lower: [URL], upper: URL)
    /// Layers, the topmost first. Changes are discarded.
    case view(lower: [URL])
  }

  /// The root file system of a program.
  public typealias Place = SandboxPlan.Place
  /// A file or folder of the host that is visible in a sandbox.
  public typealias Binding = SandboxPlan.Binding

  /// Path of the tree for a program that runs ``Place/beside`` it.
  public static let treePath = SandboxPlan.treePath

  /// Folder for mount points and the work folders of overlays. It must be on the same file system as the layers.
  public var scratch: URL
  /// The emulator for trees of another architecture; `nil` for the host's own.
  public let emulation: Emulation?
  /// Subordinate IDs for a user other than root.
  private let ids: SubordinateIDs

  /// Prepares to run sandboxes.
  ///
  /// - Throws: ``SandboxFailure`` if this user or kernel cannot run them.
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
  ///   - place: The root file system of the script.
  ///   - bindings: Files and folders of the host to make visible.
  ///   - environment: Environment variables in addition to `PATH`, `HOME`, the locale and the time zone.
  ///   - network: True to allow access to the host's network.
  ///   - folder: Working directory in the sandbox.
  ///   - twins: Native programs that replace those of the tree.
  ///   - purpose: The action, for the error message.
  /// - Returns: The script's standard output.
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
    // The caller's environment is not passed on, because it may contain secrets and would change the result of a build.
    for name in ProcessInfo.processInfo.environment.keys { variables[name] = .some(nil) }
    for (name, value) in Self.baseEnvironment.merging(environment, uniquingKeysWith: { $1 }) { variables[name] = value }
    return try await HostCommand(
      file: try Self.program().path, ["run", file], to: purpose, environment: variables, in: "/"
    ).run()
  }

  /// A program in a sandbox that the caller starts and waits for.
  ///
  /// On a terminal, the program gets a pseudoterminal. `cultivar-sandbox` passes on input, output and size, and no
  /// process in the sandbox has the caller's terminal open.
  public struct Session: Sendable {
    /// Path of the program to start.
    public var program: String
    public var arguments: [String]
    /// The complete environment of the program.
    public var environment: [String: String]
  }

  /// Prepares a sandbox for an interactive program. The sandbox's files are removed with ``scratch``.
  ///
  /// - Parameters:
  ///   - command: The program with its arguments.
  ///   - root: The tree.
  ///   - bindings: Files and folders of the host to make visible.
  ///   - environment: Environment variables in addition to `PATH`, `HOME`, `TERM`, the locale and the time zone.
  ///   - folder: Working directory in the sandbox.
  ///   - isOnTerminal: True to give the program a terminal. Otherwise it uses the caller's standard input and output.
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

  /// Removes a folder that sandboxes have written to, including files that belong to subordinate IDs.
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
    // Started with all rights of this process, as the program that maps IDs is set-user-ID root.
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
      work: work.path, layers: Self.layers(of: root, twins).count, place: place, script: script)
    plan.bindings = bindings
    if let emulation, Emulation.isPrivate {
      plan.emulator = SandboxPlan.Emulator(
        program: emulation.emulator.path, registration: emulation.registration(path: SandboxPlan.emulatorPath))
    }
    plan.twins = twins?.mounts
    (plan.users, plan.groups) = (ids.users, ids.groups)
    return plan
  }

  /// Returns the layers, the topmost first.
  private static func layers(of root: Root, _ twins: Twins?) -> [URL] {
    switch root {
    case .overlay(let lower, _), .view(let lower): lower + (twins.map { [$0.ground] } ?? [])
    }
  }

  /// Writes a plan, and makes the folders and links of its work folder.
  ///
  /// The links give the layers short names, because the kernel limits the options of a mount to one page.
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
      // This mode becomes the mode of the root folder, so it must not depend on the caller's umask.
      guard chmod(upper, 0o755) == 0 else { throw FileFailure.last("set the mode of", upper) }
    }
    let file = "\(plan.work)/plan"
    try FolderTree.writeFile(file, with: plan.bytes)
    return file
  }

  /// Returns the path of the program that makes sandboxes.
  ///
  /// - Throws: ``SandboxFailure/noProgram(places:)``.
  static func program() throws(SandboxFailure) -> URL { try helper("cultivar-sandbox") }

  /// Returns the path of one of Cultivar's own programs for sandboxes. It is beside this executable after a build, or
  /// in `../libexec/cultivar` after an installation.
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

extension SandboxPlan.Binding {
  /// Makes a file or folder of the host visible at a path of the sandbox.
  public init(_ source: URL, at path: String, isWritable: Bool = false) {
    self.init(source: source.path, path: path, isWritable: isWritable)
  }
}
