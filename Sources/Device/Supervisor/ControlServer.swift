import DeviceModel
import Glibc
import LinuxSystem

/// The server on the supervisor's socket. It accepts connections of permitted users, and bounds the memory and time of
/// each.
public final class ControlServer {
  /// Maximum number of connections. Further ones wait in the kernel's queue.
  private static let connectionLimit = 32

  let supervisor: Supervisor
  /// Called when the machine is to be ended.
  let end: (Kernel.Ending) -> Void
  private let listener: Descriptor
  private let allowedUsers: Set<UInt32>
  private var connections: [ObjectIdentifier: ControlConnection] = [:]

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - path: The path of the socket.
  ///   - supervisor: The supervisor that requests are about.
  ///   - allowedUsers: The IDs of users that may send requests.
  ///   - group: The ID of a group that may access the socket besides its owner.
  ///   - end: Called when the machine is to be ended.
  /// - Throws: ``SystemError``.
  public init(
    at path: String, supervisor: Supervisor, allowedUsers: Set<UInt32>, group: UInt32?,
    end: @escaping (Kernel.Ending) -> Void
  ) throws(SystemError) {
    self.supervisor = supervisor
    self.allowedUsers = allowedUsers
    self.end = end
    listener = try UnixSocket.listen(at: path, mode: group == nil ? 0o600 : 0o660, group: group)
    try supervisor.loop.watch(listener) { [weak self] in self?.accept() }
    supervisor.programDidChange = { [weak self] in self?.proceed() }
    supervisor.loop.afterEachTurn = { [weak self] in self?.proceed() }
  }

  private func accept() {
    guard let descriptor = UnixSocket.accept(listener) else { return }
    guard let user = UnixSocket.peerUser(descriptor), allowedUsers.contains(user) else { return }
    do {
      let connection = try ControlConnection(descriptor, server: self)
      connections[ObjectIdentifier(connection)] = connection
      listenIfRoom()
    } catch {
      supervisor.environment.note("\(error)")
    }
  }

  func close(_ connection: ControlConnection) {
    connections[ObjectIdentifier(connection)] = nil
    listenIfRoom()
  }

  private func listenIfRoom() {
    supervisor.loop.setInterest(
      of: listener, reading: connections.count < Self.connectionLimit, writing: false)
  }

  /// Lets each connection continue its pending work.
  private func proceed() {
    for connection in connections.values { connection.proceed() }
  }
}
