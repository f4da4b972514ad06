import DeviceModel
import Glibc
import LinuxSystem

/// Programs in the image that are run at points of an update: all executable files in the folders of a point, in the
/// order of their names.
struct UpdateHooks: Sendable {
  /// A point at which hooks run, and the effect of a failure.
  enum Point: String, CaseIterable {
    /// Before the first write. A failure refuses the update.
    case beforeInstall = "before-install"
    /// After the slot is complete, before the boot loader knows about it. A failure drops the update.
    case afterInstall = "after-install"
    /// After a release on trial was healthy for long enough. A failure prevents the commit.
    case beforeCommit = "before-commit"
    /// After a release was committed.
    case afterCommit = "after-commit"
    /// Before the restart that leaves a release.
    case beforeRollback = "before-rollback"
    /// In the previous release, when it runs again.
    case afterRollback = "after-rollback"
  }

  /// Folders with a subfolder for each point.
  var folders = ["/usr/lib/cultivar/hooks", "/etc/cultivar/hooks"]
  /// Maximum run time of each hook in seconds.
  var timeout = 60

  /// Runs the hooks of a point until one fails.
  ///
  /// - Parameter variables: Environment variables: `CULTIVAR_SLOT`, `CULTIVAR_VERSION`, `CULTIVAR_OLD_VERSION`,
  ///   `CULTIVAR_REASON`.
  /// - Parameter check: Throws to stop waiting. The running hook is killed then.
  /// - Throws: ``UpdateFailure/refusedByHook(name:reason:)``, and the errors of `check`.
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

/// A run of a program with a time limit.
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

  /// Runs the program. Returns the problem as part of a sentence, or `nil` if it ended with status 0.
  ///
  /// - Parameter isWanted: Called regularly. Returns false to kill the program.
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
        // The program leads a session of its own, so its children are killed with it.
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
