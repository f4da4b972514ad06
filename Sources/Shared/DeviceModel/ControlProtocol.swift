/// A request to the supervisor over ``DevicePaths/controlSocket``: one JSON object on one line.
public enum ControlRequest: Codable, Sendable, Equatable {
  /// Reads the state of all programs. The answer is ``ControlReply/status(_:)``.
  case status
  /// Reads lines of a program's output. The answer is any number of ``ControlReply/log(_:)``, then
  /// ``ControlReply/done``.
  ///
  /// - Parameters:
  ///   - program: Name of the program.
  ///   - from: Number of the first line; `nil` for the oldest one that is kept.
  ///   - last: Maximum number of lines, counted from the newest one; `nil` for all.
  ///   - follow: True to send new lines as they arrive, without an end.
  case logs(program: String, from: UInt64?, last: Int?, follow: Bool)
  /// Starts a program that was stopped or has ended.
  case start(program: String)
  /// Stops a program and does not start it again. The answer follows after the program has ended.
  case stop(program: String)
  /// Stops a program and starts it again. The answer follows after it was started.
  case restart(program: String)
  /// Sends a signal to a program's main process.
  case kill(program: String, signal: Int32)
  /// Stops all programs in order and restarts the machine.
  case reboot
  /// Stops all programs in order and powers off the machine.
  case powerOff

  /// Maximum bytes of a request, including the line feed.
  public static let maximumSize = 4096
}

/// An answer of the supervisor: one JSON object on one line.
public enum ControlReply: Codable, Sendable, Equatable {
  /// The request was carried out.
  case done
  /// The request failed; the reason is a sentence for the user.
  case failure(reason: String)
  /// The state of all programs.
  case status(SupervisorStatus)
  /// Some lines of a program's output.
  case log(LogPart)

  /// Maximum bytes of an answer, including the line feed.
  public static let maximumSize = 1 << 20
}

/// Consecutive lines of a program's output.
public struct LogPart: Codable, Sendable, Equatable {
  /// The lines, oldest first.
  public var lines: [LogLine]
  /// Number of requested lines before these that are no longer kept.
  public var missed: UInt64

  public init(lines: [LogLine], missed: UInt64) {
    self.lines = lines
    self.missed = missed
  }
}

/// One line of a program's output.
public struct LogLine: Codable, Sendable, Equatable {
  /// The stream of a line.
  public enum Stream: String, Codable, Sendable {
    /// Standard output.
    case output
    /// Standard error.
    case error
  }

  /// Number of the line in the program's output since the machine started, from 0.
  public var sequence: UInt64
  /// Time of arrival, in milliseconds since 1970 by the clock at that time.
  public var time: Int64
  public var stream: Stream
  /// The line without its line feed. Invalid UTF-8 is replaced.
  public var text: String

  public init(sequence: UInt64, time: Int64, stream: Stream, text: String) {
    self.sequence = sequence
    self.time = time
    self.stream = stream
    self.text = text
  }
}
