import DeviceModel
import Glibc
import LinuxSystem

/// The supervisor's socket: takes connections of those who may ask, and gives each a bounded share of memory and time.
public final class ControlServer {
  /// Connections at a time; more have to wait for the kernel's queue.
  private static let connectionLimit = 32

  let supervisor: Supervisor
  /// Is called when the machine is to end.
  let end: (Kernel.Ending) -> Void
  private let listener: Descriptor
  private let allowedUsers: Set<UInt32>
  private var connections: [ObjectIdentifier: ControlConnection] = [:]

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - path: place of the socket.
  ///   - supervisor: who is asked.
  ///   - allowedUsers: user ids that may ask.
  ///   - group: group id that may reach the socket besides its owner.
  ///   - end: is called when the machine is to end.
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

  /// Lets each connection go on with what it waits for.
  private func proceed() {
    for connection in connections.values { connection.proceed() }
  }
}
