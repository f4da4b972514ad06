import CLinuxSystem
import Glibc

/// Unix domain stream sockets with a path.
public enum UnixSocket {
  /// Makes a listening socket. Replaces an existing socket at the path.
  ///
  /// - Parameters:
  ///   - path: Path of the socket.
  ///   - mode: Permissions of the socket.
  ///   - group: Group ID of the socket; `nil` for the process's own group.
  /// - Throws: ``SystemError``.
  public static func listen(at path: String, mode: mode_t, group: UInt32? = nil) throws(SystemError) -> Descriptor {
    let socket = try make(path)
    unlink(path)
    // The socket is created without permissions for others. It gets its final ones before connections are accepted.
    let before = umask(0o177)
    defer { umask(before) }
    try withAddress(path) { address, size throws(SystemError) in
      try check("bind", path) { bind(socket.number, address, size) }
    }
    if let group { try check("change the group of", path) { chown(path, uid_t.max, group) } }
    try check("change the mode of", path) { chmod(path, mode) }
    try check("listen at", path) { Glibc.listen(socket.number, 16) }
    try socket.setNonBlocking()
    return socket
  }

  /// Accepts the next pending connection; `nil` if there is none.
  public static func accept(_ listener: Descriptor) -> Descriptor? {
    let connection = Glibc.accept(listener.number, nil, nil)
    guard connection >= 0 else { return nil }
    let descriptor = Descriptor(owning: connection)
    _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
    try? descriptor.setNonBlocking()
    return descriptor
  }

  /// Connects to a socket.
  public static func connect(to path: String) throws(SystemError) -> Descriptor {
    let socket = try make(path)
    try withAddress(path) { address, size throws(SystemError) in
      try check("connect to", path) { Glibc.connect(socket.number, address, size) }
    }
    return socket
  }

  /// User ID of the process at the other end.
  public static func peerUser(_ connection: Descriptor) -> UInt32? {
    let user = cultivar_peer_uid(connection.number)
    return user < 0 ? nil : UInt32(truncatingIfNeeded: user)
  }

  /// Sends all bytes over a connection in blocking mode, and an open descriptor together with the first byte.
  public static func send(
    _ bytes: [UInt8], passing passed: Descriptor? = nil, over connection: Descriptor
  ) throws(SystemError) {
    let sent = try check("send over", "a socket") {
      bytes.withUnsafeBytes {
        cultivar_send(connection.number, $0.baseAddress, $0.count, passed?.number ?? -1)
      }
    }
    try connection.write(all: Array(bytes.dropFirst(sent)))
  }

  /// Receives at most `limit` bytes and a descriptor that was sent with them; no bytes at the end.
  public static func receive(
    atMost limit: Int, from connection: Descriptor
  ) throws(SystemError) -> (bytes: [UInt8], passed: Descriptor?) {
    var buffer = [UInt8](repeating: 0, count: limit)
    var passed: Int32 = -1
    let count = try check("receive from", "a socket") {
      buffer.withUnsafeMutableBytes { cultivar_receive(connection.number, $0.baseAddress, $0.count, &passed) }
    }
    return (Array(buffer.prefix(count)), passed < 0 ? nil : Descriptor(owning: passed))
  }

  /// Makes two connected sockets.
  public static func pair() throws(SystemError) -> (Descriptor, Descriptor) {
    var ends: [Int32] = [-1, -1]
    try check("make", "a pair of sockets") { cultivar_socket_pair(&ends) }
    return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
  }

  private static func make(_ path: String) throws(SystemError) -> Descriptor {
    Descriptor(
      owning: try check("make socket", path) {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      })
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Void
  ) throws(SystemError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemError("use the path", path, code: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let result: Result<Void, SystemError> = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        do throws(SystemError) {
          try body(generic, socklen_t(MemoryLayout<sockaddr_un>.size))
          return .success(())
        } catch {
          return .failure(error)
        }
      }
    }
    try result.get()
  }
}
