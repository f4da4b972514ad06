import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// A client of the supervisor's socket.
public final class ControlClient {
  /// The reason why there is no answer.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// Nothing listens on the socket, or this user has no access.
    case notReachable(String)
    /// The connection ended before the answer was complete.
    case closed
    /// The answer cannot be parsed.
    case unreadable
    /// The supervisor refused the request.
    case refused(String)

    /// The reason as text.
    public var description: String {
      switch self {
      case .notReachable(let reason):
        "the supervisor cannot be reached: \(reason)"
          + (FileTree.isFolder("/run/systemd/system")
            ? "; this device runs systemd: use `systemctl` and `journalctl` for services, and `cultivarctl` for updates"
            : "")
      case .closed: "the supervisor closed the connection"
      case .unreadable: "the supervisor's answer cannot be read"
      case .refused(let reason): reason
      }
    }
  }

  private let socket: Descriptor
  private var received: [UInt8] = []

  /// Connects to the supervisor.
  ///
  /// - Parameter path: The path of its socket.
  /// - Throws: ``Failure/notReachable(_:)``.
  public init(path: String = DevicePaths.controlSocket) throws(Failure) {
    signal(SIGPIPE, SIG_IGN)
    do {
      socket = try UnixSocket.connect(to: path)
    } catch {
      throw .notReachable("\(error)")
    }
  }

  /// Sends a request. ``reply()`` receives its answers.
  public func send(_ request: ControlRequest) throws(Failure) {
    do {
      try socket.write(all: try JSONEncoder().encode(request) + [UInt8(ascii: "\n")])
    } catch {
      throw .closed
    }
  }

  /// Waits for the next answer.
  ///
  /// - Throws: ``Failure``, also if the supervisor refused the request.
  public func reply() throws(Failure) -> ControlReply {
    let reply: ControlReply
    do {
      reply = try JSONDecoder().decode(ControlReply.self, from: Data(try line()))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .unreadable
    }
    if case .failure(let reason) = reply { throw .refused(reason) }
    return reply
  }

  /// Sends a request and waits for its one answer.
  public func ask(_ request: ControlRequest) throws(Failure) -> ControlReply {
    try send(request)
    return try reply()
  }

  private func line() throws -> [UInt8] {
    var searched = 0
    while true {
      if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(received[..<end])
        received.removeSubrange(...end)
        return line
      }
      searched = received.count
      guard searched < ControlReply.maximumSize else { throw Failure.unreadable }
      guard let bytes = try? socket.read(atMost: 65_536), !bytes.isEmpty else { throw Failure.closed }
      received += bytes
    }
  }
}
