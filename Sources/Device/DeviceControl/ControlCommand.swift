import DeviceModel
import Glibc
import LinuxSystem

/// A command of `cultivarctl`.
public enum ControlCommand: Equatable, Sendable {
  /// Show the status of the programs, as JSON or as a table.
  case status(json: Bool)
  /// Show the last lines of a program's output, and follow it if asked to.
  case logs(program: String, last: Int?, follow: Bool)
  case start(program: String)
  case stop(program: String)
  case restart(program: String)
  case kill(program: String, signal: Int32)
  case reboot
  case powerOff
  /// Manage releases and slots.
  case update(UpdateCommand)
  /// Show the version of the image.
  case version
  /// Show the addresses of the management API and the fingerprint of its certificate.
  case api
  /// Read commands from standard input.
  case console
  /// Show the usage text.
  case help

  /// A mistake on the command line.
  public struct UsageError: Error, Equatable, CustomStringConvertible {
    /// The message, without the program's name.
    public let description: String
  }

  /// The usage text.
  public static let usage = """
    usage: cultivarctl COMMAND
      status [--json]              show the programs and their states
      logs PROGRAM [-n N] [-f]     show the output of a program; -n: only the last N lines; -f: follow
      start PROGRAM                start a program that was stopped or has ended
      stop PROGRAM                 stop a program until `start` or `restart` starts it
      restart PROGRAM              stop a program and start it again
      kill PROGRAM [SIGNAL]        send a signal, TERM by default
      reboot                       restart the device
      poweroff                     switch the device off
      update install SOURCE [--reboot now|later|no] [--force] [--allow-downgrade] [--server-certificate SHA256]
                                   install a bundle: a file, a URL, or - for standard input
      update status [--json]       show the current activity and the release on trial
      update cancel                cancel an installation, or withdraw a release that waits for its trial
      update try                   restart into a release that was installed with --reboot no
      slots                        show the release in each slot
      commit                       keep the release on trial
      rollback                     go back to the previous release
      history                      show the results of the last updates
      version                      show the version of the image
      api                          show the addresses of the management API and the fingerprint of its certificate
      console                      read commands from standard input
    """

  /// Parses a command line.
  ///
  /// - Parameter arguments: The words after the program's name.
  /// - Throws: ``UsageError``.
  public init(_ arguments: [String]) throws(UsageError) {
    guard let name = arguments.first else { throw UsageError(description: "a command is missing") }
    var words = Words(command: name, rest: Array(arguments.dropFirst()))
    switch name {
    case "status": self = .status(json: words.takeFlag("--json"))
    case "logs":
      let follow = words.takeFlag("-f")
      let last = try words.takeNumber("-n")
      self = .logs(program: try words.takeProgram(), last: last, follow: follow)
    case "start": self = .start(program: try words.takeProgram())
    case "stop": self = .stop(program: try words.takeProgram())
    case "restart": self = .restart(program: try words.takeProgram())
    case "kill":
      let program = try words.takeProgram()
      let signal = words.take() ?? "TERM"
      guard let number = SignalName.number(of: signal) else {
        throw UsageError(description: "there is no signal “\(signal)”")
      }
      self = .kill(program: program, signal: number)
    case "reboot": self = .reboot
    case "poweroff": self = .powerOff
    case "update": self = .update(try Self.update(&words))
    case "slots": self = .update(.slots)
    case "commit": self = .update(.commit)
    case "rollback": self = .update(.rollBack)
    case "history": self = .update(.history)
    case "version", "--version": self = .version
    case "api": self = .api
    case "console": self = .console
    case "help", "--help", "-h": self = .help
    default: throw UsageError(description: "there is no command “\(name)”")
    }
    try words.finish()
  }

  private static func update(_ words: inout Words) throws(UsageError) -> UpdateCommand {
    switch words.take() {
    case "install":
      let restart = try words.takeValue("--reboot") ?? "now"
      let force = words.takeFlag("--force")
      let allowDowngrade = words.takeFlag("--allow-downgrade")
      let certificate = try words.takeValue("--server-certificate")
      guard let choice = UpdateRequest.Restart(rawValue: restart) else {
        throw UsageError(description: "“--reboot” takes now, later, or no")
      }
      guard let source = words.take() else {
        throw UsageError(description: "“update install” needs a file, a URL, or -")
      }
      return .install(
        source: source, UpdateRequest.Options(restart: choice, force: force, allowDowngrade: allowDowngrade),
        serverCertificate: certificate)
    case "status": return .status(json: words.takeFlag("--json"))
    case "cancel": return .cancel
    case "try": return .tryHeld
    case let other?: throw UsageError(description: "“update” does not take “\(other)”")
    case nil: throw UsageError(description: "“update” needs install, status, cancel, or try")
    }
  }

  /// The words of a command that have not been parsed yet.
  private struct Words {
    let command: String
    var rest: [String]

    mutating func take() -> String? {
      rest.isEmpty ? nil : rest.removeFirst()
    }

    mutating func takeFlag(_ flag: String) -> Bool {
      guard let place = rest.firstIndex(of: flag) else { return false }
      rest.remove(at: place)
      return true
    }

    mutating func takeNumber(_ option: String) throws(UsageError) -> Int? {
      guard let place = rest.firstIndex(of: option) else { return nil }
      guard place + 1 < rest.count, let number = Int(rest[place + 1]), number >= 0 else {
        throw UsageError(description: "“\(option)” needs a number")
      }
      rest.removeSubrange(place...place + 1)
      return number
    }

    mutating func takeValue(_ option: String) throws(UsageError) -> String? {
      guard let place = rest.firstIndex(of: option) else { return nil }
      guard place + 1 < rest.count else { throw UsageError(description: "“\(option)” needs a value") }
      let value = rest[place + 1]
      rest.removeSubrange(place...place + 1)
      return value
    }

    mutating func takeProgram() throws(UsageError) -> String {
      guard let program = take() else { throw UsageError(description: "“\(command)” needs the name of a program") }
      return program
    }

    func finish() throws(UsageError) {
      if let word = rest.first { throw UsageError(description: "“\(command)” does not take “\(word)”") }
    }
  }
}
