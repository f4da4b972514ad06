import DeviceModel
import FoundationEssentials
import Glibc
import InitClient
import LinuxSystem

/// Carries out commands of `cultivarctl` and shows their results.
public struct ControlSession {
  /// Exit statuses of `cultivarctl`.
  public enum Exit {
    /// The command succeeded.
    public static let success: Int32 = 0
    /// The command failed.
    public static let failure: Int32 = 1
    /// The command line was wrong.
    public static let usage: Int32 = 2
  }

  private let socketPath: String
  private let output: Descriptor
  private let error: Descriptor
  private let updates: (UpdateCommand) throws -> Void
  private let describeAPI: () throws -> String

  /// - Parameters:
  ///   - socketPath: The path of the supervisor's socket.
  ///   - output: The descriptor for results.
  ///   - error: The descriptor for errors.
  ///   - updates: Carries out a command about releases and slots.
  ///   - describeAPI: Describes the management API in lines of text.
  public init(
    socketPath: String = DevicePaths.controlSocket, output: Descriptor, error: Descriptor,
    updates: @escaping (UpdateCommand) throws -> Void, describeAPI: @escaping () throws -> String
  ) {
    self.socketPath = socketPath
    self.output = output
    self.error = error
    self.updates = updates
    self.describeAPI = describeAPI
  }

  /// Carries out one command line.
  ///
  /// - Parameter arguments: The words after the program's name.
  /// - Returns: The exit status.
  public func run(_ arguments: [String]) -> Int32 {
    do {
      try perform(try ControlCommand(arguments))
      return Exit.success
    } catch let usage as ControlCommand.UsageError {
      show("cultivarctl: \(usage)\n\(ControlCommand.usage)\n", on: error)
      return Exit.usage
    } catch let failure {
      show("cultivarctl: \(failure)\n", on: error)
      return Exit.failure
    }
  }

  /// Reads command lines until the input ends, and prints the exit status of each.
  public func runConsole(input: Descriptor) {
    var pending: [UInt8] = []
    show("cultivar> ", on: output)
    while let bytes = try? input.read(atMost: 1024), !bytes.isEmpty {
      pending += bytes
      while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: pending[..<end].trimmingSpace, as: UTF8.self)
        pending.removeSubrange(...end)
        let words = line.split(separator: " ").map(String.init)
        if !words.isEmpty { show("[exit \(run(words))]\n", on: output) }
        show("cultivar> ", on: output)
      }
      if pending.count > ControlRequest.maximumSize { pending = [] }
    }
  }

  private func perform(_ command: ControlCommand) throws {
    switch command {
    case .help: show(ControlCommand.usage + "\n", on: output)
    case .console: runConsole(input: Descriptor.standardInput)
    case .status(let json): showStatus(try status(), json: json)
    case .version:
      let image = try status().image
      let name = "\(image.project) \(image.image) \(image.version)"
      show("\(name) for \(image.deviceClass), build \(image.build)\n", on: output)
    case .api: show(try describeAPI(), on: output)
    case .logs(let program, let last, let follow):
      let client = try ControlClient(path: socketPath)
      try client.send(.logs(program: program, from: nil, last: last, follow: follow))
      while case .log(let part) = try client.reply() { showLog(part) }
    case .start(let program): try ask(.start(program: program))
    case .stop(let program): try ask(.stop(program: program))
    case .restart(let program): try ask(.restart(program: program))
    case .kill(let program, let signal): try ask(.kill(program: program, signal: signal))
    case .reboot: try ask(.reboot)
    case .powerOff: try ask(.powerOff)
    case .update(let command): try updates(command)
    }
  }

  private func ask(_ request: ControlRequest) throws {
    _ = try ControlClient(path: socketPath).ask(request)
  }

  private func status() throws -> SupervisorStatus {
    guard case .status(let status) = try ControlClient(path: socketPath).ask(.status) else {
      throw ControlClient.Failure.unreadable
    }
    return status
  }

  private func showStatus(_ status: SupervisorStatus, json: Bool) {
    guard json else { return show(StatusTable.text(status), on: output) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    if let bytes = try? encoder.encode(status) { show(String(decoding: bytes, as: UTF8.self) + "\n", on: output) }
  }

  private func showLog(_ part: LogPart) {
    if part.missed > 0 { show("(\(part.missed) lines are no longer kept)\n", on: output) }
    for line in part.lines { show(line.text + "\n", on: output) }
  }

  private func show(_ text: String, on descriptor: Descriptor) {
    // Escaped for a terminal, as programs write anything. A write error is ignored: it means that the reader has closed
    // the output.
    let text = isatty(descriptor.number) == 1 ? text.escapedForTerminal : text
    try? descriptor.write(all: Array(text.utf8))
  }
}
