import DeviceModel
import JSONLines
import LinuxSystem

/// A client of the updater's socket.
public final class UpdateClient {
  /// The reason why there is no answer.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// Nothing listens on the socket, or this user has no access.
    case notReachable(String)
    /// The connection ended before the answer was complete.
    case closed
    /// The updater refused the request.
    case refused(String, UpdateRefusal)

    /// The reason as text.
    public var description: String {
      switch self {
      case .notReachable(let reason): "the updater cannot be reached: \(reason)"
      case .closed: "the updater closed the connection"
      case .refused(let reason, _): reason
      }
    }
  }

  private let connection: LineConnection

  /// Connects to the updater.
  ///
  /// - Throws: ``Failure/notReachable(_:)``.
  public init(path: String = DevicePaths.updateSocket) throws(Failure) {
    do {
      connection = LineConnection(try UnixSocket.connect(to: path), limit: UpdateReply.maximumSize)
    } catch {
      throw .notReachable("\(error)")
    }
  }

  /// Sends a request. ``reply()`` receives its answers.
  ///
  /// - Parameter passed: The bundle, for an installation.
  public func send(_ request: UpdateRequest, passing passed: Descriptor? = nil) throws(Failure) {
    do { try connection.send(request, passing: passed) } catch { throw .closed }
  }

  /// Waits for the next answer.
  ///
  /// - Throws: ``Failure``, also if the updater refused the request.
  public func reply() throws(Failure) -> UpdateReply {
    guard let (reply, _) = try? connection.receive(UpdateReply.self) else { throw .closed }
    if case .failure(let reason, let refusal) = reply { throw .refused(reason, refusal) }
    return reply
  }

  /// Waits for the next answer for a limited time.
  ///
  /// - Parameter timeout: Milliseconds.
  /// - Returns: The answer, or `nil` if none has arrived in time.
  /// - Throws: ``Failure``.
  public func reply(within timeout: Int) throws(Failure) -> UpdateReply? {
    connection.isAnswered(within: timeout) ? try reply() : nil
  }

  /// Sends a request and waits for its one answer.
  public func ask(_ request: UpdateRequest) throws(Failure) -> UpdateReply {
    try send(request)
    return try reply()
  }
}
