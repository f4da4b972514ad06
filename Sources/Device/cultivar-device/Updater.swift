import DeviceModel
import Glibc
import LinuxSystem
import UpdateControl
import UpdateEngine

/// The program that changes slots: settles the last update, watches a release on trial, and installs bundles.
enum Updater {
  static func run() -> Never {
    do {
      let engine = try UpdateEngine(try UpdateEnvironment.device(note: note))
      let task = try settle(engine)
      let daemon = UserFile.user(named: "cultivard")
      let server = try UpdateServer(
        engine, allowedUsers: [0, daemon?.uid ?? 0], group: daemon?.gid)
      switch task {
      case .nothing: break
      case .watch:
        _ = Background {
          do { try engine.watch() } catch { note("\(error)") }
        }
      case .restart:
        note("restarting once more: the release that is installed can only be tried by a restart with an argument")
        do { try engine.restartIntoTrial() } catch { note("the trial waits for another restart: \(error)") }
      }
      server.run()
    } catch {
      note("updater: \(error)")
      exit(1)
    }
  }

  /// Settles the last update. Retries, as a command on the console may hold the lock.
  private static func settle(_ engine: UpdateEngine) throws -> UpdateEngine.Task {
    while true {
      do {
        return try engine.settle()
      } catch UpdateFailure.busy {
        usleep(200_000)
      }
    }
  }

  /// Writes to standard error, which the supervisor logs.
  @Sendable private static func note(_ message: String) {
    try? Descriptor.standardError.write(all: Array("\(message)\n".utf8))
  }
}
