/// What can be asked of the supervisor over ``DevicePaths/controlSocket``: one JSON object on one line.
public enum ControlRequest: Codable, Sendable, Equatable {
  /// The state of all programs; answered by ``ControlReply/status(_:)``.
  case status
  /// Lines of a program's output; answered by ``ControlReply/log(_:)``, as often as needed, and ``ControlReply/done``
  /// at the end of what there is.
  ///
  /// - Parameters:
  ///   - program: its name.
  ///   - from: the first line wanted, by its number; `nil` for the oldest that is kept.
  ///   - last: only so many of the newest lines.
  ///   - follow: whether lines are sent as they come, without an end.
  case logs(program: String, from: UInt64?, last: Int?, follow: Bool)
  /// Starts a program that was stopped or has ended.
  case start(program: String)
  /// Stops a program and does not start it again; answered once it has ended.
  case stop(program: String)
  /// Stops a program and starts it again; answered once it has been started.
  case restart(program: String)
  /// Sends a signal to a program's main process.
  case kill(program: String, signal: Int32)
  /// Stops everything in order and starts the machine again.
  case reboot
  /// Stops everything in order and switches the machine off.
  case powerOff

  /// Bytes that a request may have, with its line end.
  public static let maximumSize = 4096
}

/// An answer of the supervisor: one JSON object on one line.
public enum ControlReply: Codable, Sendable, Equatable {
  /// It is done.
  case done
  /// It cannot be done; the reason is a sentence for the user.
  case failure(reason: String)
  /// The state of all programs.
  case status(SupervisorStatus)
  /// Some lines of a program's output.
  case log(LogPart)

  /// Bytes that an answer may have, with its line end.
  public static let maximumSize = 1 << 20
}

/// Lines of a program's output that follow each other.
public struct LogPart: Codable, Sendable, Equatable {
  /// The lines, oldest first.
  public var lines: [LogLine]
  /// How many lines before them were wanted but are no longer kept.
  public var missed: UInt64

  /// Makes a part.
  public init(lines: [LogLine], missed: UInt64) {
    self.lines = lines
    self.missed = missed
  }
}

/// One line of a program's output.
public struct LogLine: Codable, Sendable, Equatable {
  /// Where a line came from.
  public enum Stream: String, Codable, Sendable {
    /// Standard output.
    case output
    /// Standard error.
    case error
  }

  /// Number of the line among all that the program wrote since the machine started, from 0.
  public var sequence: UInt64
  /// When it came, in milliseconds since 1970 by the clock of the moment.
  public var time: Int64
  /// Where it came from.
  public var stream: Stream
  /// The line without its end. Bytes that are not UTF-8 are replaced.
  public var text: String

  /// Makes a line.
  public init(sequence: UInt64, time: Int64, stream: Stream, text: String) {
    self.sequence = sequence
    self.time = time
    self.stream = stream
    self.text = text
  }
}
