import DeviceModel
import LinuxSystem

/// The other side of the updater's socket: sends requests and waits for the answers.
public final class UpdateClient {
  /// Why there is no answer.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// Nobody listens, or not to this user.
    case notReachable(String)
    /// The connection ended before the answer did.
    case closed
    /// The updater refused.
    case refused(String, UpdateRefusal)

    /// The reason for a reader.
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

  /// Sends a request; its answers are taken by ``reply()``.
  ///
  /// - Parameter passed: The bundle, where it is to be installed.
  public func send(_ request: UpdateRequest, passing passed: Descriptor? = nil) throws(Failure) {
    do { try connection.send(request, passing: passed) } catch { throw .closed }
  }

  /// Waits for the next answer.
  ///
  /// - Throws: ``Failure``; also where the answer is that the request is refused.
  public func reply() throws(Failure) -> UpdateReply {
    guard let (reply, _) = try? connection.receive(UpdateReply.self) else { throw .closed }
    if case .failure(let reason, let refusal) = reply { throw .refused(reason, refusal) }
    return reply
  }

  /// Waits for the next answer, and not for ever.
  ///
  /// - Parameter timeout: Milliseconds.
  /// - Returns: The answer; `nil` where none has come in that time.
  /// - Throws: ``Failure``.
  public func reply(within timeout: Int) throws(Failure) -> UpdateReply? {
    connection.isAnswered(within: timeout) ? try reply() : nil
  }

  /// Sends a request and waits for the one answer to it.
  public func ask(_ request: UpdateRequest) throws(Failure) -> UpdateReply {
    try send(request)
    return try reply()
  }
}
