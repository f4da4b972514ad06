import Bundle
import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem
import UpdateControl
import UpdateEngine

/// Carries out the update commands of `cultivarctl`: through the updater, or in this process if the updater does not
/// run.
public struct UpdateSession {
  private let output: Descriptor
  private let socketPath: String

  /// Milliseconds to wait for the updater to listen.
  private static let patience: UInt64 = 5_000

  /// - Parameter output: The descriptor for results.
  public init(output: Descriptor, socketPath: String = DevicePaths.updateSocket) {
    self.output = output
    self.socketPath = socketPath
  }

  /// Carries out a command.
  ///
  /// - Throws: ``UpdateClient/Failure``, `UpdateFailure`, `BundleFailure`, `SystemError`.
  public func perform(_ command: UpdateCommand) throws {
    switch command {
    case .install(let source, let options, let certificate):
      try install(try BundleLocation(source, serverCertificate: certificate), options)
    case .status(let json): try show(try status(), json: json)
    case .slots: show(UpdateText.slots(try status()))
    case .history: show(UpdateText.history(try status()))
    case .cancel: try ask(.cancel) { try $0.cancel() }
    case .commit: try ask(.commit) { try $0.commit() }
    case .rollBack:
      try ask(.rollBack) {
        try $0.rollBack()
        $0.restart()
      }
    case .tryHeld:
      try ask(.tryHeld) {
        try $0.tryHeld()
        $0.restart()
      }
    }
  }

  /// Connects to the updater. Returns `nil` if it does not run and this process has the rights to do its work.
  ///
  /// Retries for a while: the updater takes a moment to listen after the machine or the updater itself has started.
  private func client() throws -> UpdateClient? {
    let deadline = EventLoop.now + Self.patience
    while true {
      do {
        return try UpdateClient(path: socketPath)
      } catch {
        if EventLoop.now < deadline {
          usleep(100_000)
          continue
        }
        // The console of an appliance runs as root, but without the right to mount.
        guard CapabilitySet.effective.contains("sys_admin") else { throw error }
        return nil
      }
    }
  }

  private func engine() throws -> UpdateEngine {
    let note: @Sendable (String) -> Void = { [output] in try? output.write(all: Array("\($0)\n".utf8)) }
    return try UpdateEngine(try UpdateEnvironment.device(note: note))
  }

  private func ask(_ request: UpdateRequest, alone: (UpdateEngine) throws -> Void) throws {
    guard let client = try client() else { return try alone(try engine()) }
    _ = try client.ask(request)
  }

  private func status() throws -> UpdateStatus {
    guard let client = try client() else { return try engine().status() }
    guard case .status(let status) = try client.ask(.status) else { throw UpdateClient.Failure.closed }
    return status
  }

  private func install(_ place: BundleLocation, _ options: UpdateRequest.Options) throws {
    var display = ProgressDisplay(output)
    guard let client = try client() else {
      let engine = try engine()
      let record = try engine.install(from: try place.source(), options, report: { display.show($0) })
      show(UpdateText.installed(record, options.restart))
      if options.restart == .now { engine.restart() }
      return
    }
    let (kind, descriptor) = try place.forUpdater()
    try client.send(.install(source: kind, options), passing: descriptor)
    while true {
      switch try client.reply() {
      case .wanted: continue
      case .progress(let progress): display.show(progress)
      case .installed(let record): return show(UpdateText.installed(record, options.restart))
      default: throw UpdateClient.Failure.closed
      }
    }
  }

  private func show(_ status: UpdateStatus, json: Bool) throws {
    guard json else { return show(UpdateText.status(status)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    show(String(decoding: try encoder.encode(status), as: UTF8.self) + "\n")
  }

  private func show(_ text: String) {
    // Escaped for a terminal, as bundles and hooks can contain anything. A write error is ignored: it means that the
    // reader has closed the output.
    let text = isatty(output.number) == 1 ? text.escapedForTerminal : text
    try? output.write(all: Array(text.utf8))
  }
}

/// Shows the progress of an installation. Each tenth is a line of its own, which suits a terminal and a log.
struct ProgressDisplay {
  private let output: Descriptor
  private var shown = -1

  init(_ output: Descriptor) { self.output = output }

  mutating func show(_ progress: InstallProgress) {
    guard progress.total > 0 else { return }
    guard progress.tenths > shown else { return }
    shown = progress.tenths
    try? output.write(all: Array((progress.summary + "\n").utf8))
  }
}
