import DeviceModel
import FoundationEssentials
import Glibc
import Hashing
import InitClient
import LinuxSystem
import ManagementAPI

/// The daemon: the management API, and the log files of programs that have them. On a system systemd keeps the journal,
/// so there it is only the API.
enum Daemon {
  static func run() -> Never {
    // A closed connection is reported by the write itself.
    signal(SIGPIPE, SIG_IGN)
    do {
      for program in try programs() {
        guard let files = program.log.files else { continue }
        startThread { LogWriter(program: program.name, limits: files).run(note: note) }
      }
      if let server = try managementServer() { try server.wait() }
      while true { pause() }
    } catch {
      note("cultivard: \(error)")
      exit(1)
    }
  }

  private static func programs() throws -> [ProgramPlan] {
    guard FileTree.exists(DevicePlan.path) else { return [] }
    return try JSONDecoder().decode(DevicePlan.self, from: Data(try FileTree.read(DevicePlan.path))).programs
  }

  /// Starts the API, if the image has it and there is a token for it.
  private static func managementServer() throws -> ManagementServer? {
    guard let plan = try managementPlan() else { return nil }
    let certificate = try DeviceCertificate(
      in: DevicePaths.daemonHome, name: FileTree.line("/etc/machine-id") ?? "cultivar")
    if certificate.isNew { note("a new certificate was made") }
    note("certificate's SHA-256: \(certificate.fingerprint)")
    guard let hash = FileTree.line(DevicePaths.tokenHash).flatMap(Digest.init(fingerprint:)) ?? plan.tokenHash
    else {
      note("the management API does not listen: the device was flashed without `management-token-hash`")
      return nil
    }
    let server = try ManagementServer(
      plan, certificate: certificate, gate: TokenGate(hash), router: .management(report: try report()))
    note("listening on \(plan.addresses.joined(separator: ", ")), port \(plan.port)")
    return server
  }

  private static func report() throws -> StatusReport {
    guard Systemd.runsMachine else { return StatusReport() }
    let plan = try JSONDecoder().decode(UpdatePlan.self, from: Data(try FileTree.read(UpdatePlan.path)))
    return StatusReport(system: plan.image)
  }

  private static func managementPlan() throws -> ManagementPlan? {
    guard FileTree.exists(ManagementPlan.path) else { return nil }
    return try JSONDecoder().decode(ManagementPlan.self, from: Data(try FileTree.read(ManagementPlan.path)))
  }

  /// Returns the output of `cultivarctl api`.
  static func describeAPI() throws -> String {
    guard let plan = try managementPlan() else { return "this image has no management API\n" }
    let token: String
    if FileTree.exists(DevicePaths.tokenHash) {
      token = "set on this device"
    } else {
      token = plan.tokenHash == nil ? "none: the API does not listen" : "from the image"
    }
    let fingerprint = DeviceCertificate.fingerprint(in: DevicePaths.daemonHome)
    return """
      listens on   \(plan.addresses.joined(separator: ", ")), port \(plan.port)
      token        \(token)
      certificate  \(fingerprint?.description ?? "not readable by this user, or not made yet")

      """
  }

  /// Writes to standard error, which the supervisor logs.
  @Sendable private static func note(_ message: String) {
    try? Descriptor.standardError.write(all: Array("\(message)\n".utf8))
  }

  /// Runs `body` on a separate thread with a small stack, as each log has a thread that blocks.
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
