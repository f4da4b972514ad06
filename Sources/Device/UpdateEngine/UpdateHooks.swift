import DeviceModel
import Glibc
import LinuxSystem

/// Programs of the image that are asked or told about an update: all executable files in a point's folders, by name.
struct UpdateHooks: Sendable {
  /// When hooks are run, and what their failing means.
  enum Point: String, CaseIterable {
    /// Before the first write. One that fails refuses the update.
    case beforeInstall = "before-install"
    /// When the slot is complete and the boot loader is not told yet. One that fails drops the update.
    case afterInstall = "after-install"
    /// When a release on trial was well for long enough. One that fails is a reason not to commit it yet.
    case beforeCommit = "before-commit"
    /// When a release was committed.
    case afterCommit = "after-commit"
    /// When a release is to be left, before the restart.
    case beforeRollback = "before-rollback"
    /// In the release before, when it runs again.
    case afterRollback = "after-rollback"
  }

  /// Folders with a folder for each point.
  var folders = ["/usr/lib/cultivar/hooks", "/etc/cultivar/hooks"]
  /// Seconds that each may take.
  var timeout = 60

  /// Runs the hooks of a point until one fails.
  ///
  /// - Parameter variables: Environment: `CULTIVAR_SLOT`, `CULTIVAR_VERSION`, `CULTIVAR_OLD_VERSION`, `CULTIVAR_REASON`.
  /// - Parameter check: Throws where nobody waits for the hooks any more; the one that runs is ended then.
  /// - Throws: ``UpdateFailure/refusedByHook(name:reason:)``, and what `check` throws.
  func run(_ point: Point, _ variables: [String: String], check: () throws -> Void = {}) throws {
    for folder in folders.map({ "\($0)/\(point.rawValue).d" }) {
      for name in FileTree.names(in: folder) where access("\(folder)/\(name)", X_OK) == 0 {
        let program = LimitedRun(
          "\(folder)/\(name)", [], environment: variables.merging(["CULTIVAR_POINT": point.rawValue]) { one, _ in one },
          timeout: timeout)
        let problem = program.problem { (try? check()) != nil }
        try check()
        if let problem { throw UpdateFailure.refusedByHook(name: name, reason: problem) }
      }
    }
  }
}

/// A run of a program that must not take longer than a time.
struct LimitedRun {
  private let executable: String
  private let arguments: [String]
  private let environment: [String: String]
  private let timeout: Int
  private static let outputLimit = 4096

  /// - Parameter timeout: Seconds.
  init(_ executable: String, _ arguments: [String], environment: [String: String] = [:], timeout: Int) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.timeout = timeout
  }

  /// Runs it; what was wrong, in a sentence's part, or `nil` where it ended with status 0.
  ///
  /// - Parameter isWanted: Is asked now and then; where it says no, the program is ended.
  func problem(isWanted: () -> Bool = { true }) -> String? {
    do {
      return try run(isWanted)
    } catch {
      return "\(error)"
    }
  }

  private func run(_ isWanted: () -> Bool) throws -> String? {
    let variables = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { _, own in own }
    let start = ProcessStart(
      executable, [executable] + arguments, environment: variables.map { "\($0.key)=\($0.value)" }.sorted())
    let (reading, pid) = try {
      let pipe = try Pipe()
      let input = try Descriptor(opening: "/dev/null", O_RDONLY)
      return (
        pipe.reading, try ChildProcess.start(start, input: input, output: pipe.writing, error: pipe.writing)
      )
    }()
    let deadline = EventLoop.now + UInt64(timeout) * 1000
    let ended = try ChildProcess.exitDescriptor(of: pid)
    var output: [UInt8] = []
    var isOver = false
    while !isOver {
      let now = EventLoop.now
      guard now < deadline, isWanted() else {
        // It is the leader of a session of its own; what it started goes with it.
        kill(-pid, SIGKILL)
        _ = ended.waitUntilReadable(timeout: nil)
        _ = ChildProcess.reap(pid)
        return "it did not end within \(timeout) seconds"
      }
      isOver = ended.waitUntilReadable(timeout: Int(min(deadline - now, 50)))
      while let part = try reading.read(atMost: 4096), !part.isEmpty {
        output = (output + part).suffix(Self.outputLimit)
      }
    }
    guard let end = ChildProcess.reap(pid)?.end, end != .exited(0) else { return nil }
    let last = String(decoding: output, as: UTF8.self).split(separator: "\n").last.map(String.init)
    return last.map { "\($0) (\(end))" } ?? "it ended with \(end)"
  }
}
