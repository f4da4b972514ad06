import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem
import ManagementAPI

/// The daemon: the management API, and the log files of the programs that have some.
enum Daemon {
  static func run() -> Never {
    do {
      let plan = try JSONDecoder().decode(DevicePlan.self, from: Data(try FileTree.read(DevicePlan.path)))
      for program in plan.programs {
        guard let files = program.log.files else { continue }
        startThread { LogWriter(program: program.name, limits: files).run(note: note) }
      }
      if let management = plan.management {
        let server = try ManagementServer(management, router: .management())
        note("listening on \(management.addresses.joined(separator: ", ")), port \(management.port)")
        try server.wait()
      }
      while true { pause() }
    } catch {
      note("cultivard: \(error)")
      exit(1)
    }
  }

  /// Writes to standard error, which the supervisor keeps.
  @Sendable private static func note(_ message: String) {
    try? Descriptor(owning: dup(STDERR_FILENO)).write(all: Array("\(message)\n".utf8))
  }

  /// Runs `body` on a thread of its own with a small stack: each log is followed by waiting for it.
  private static func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Body {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 256 << 10)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    pthread_create(
      &thread, &attributes,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    pthread_attr_destroy(&attributes)
  }
}
