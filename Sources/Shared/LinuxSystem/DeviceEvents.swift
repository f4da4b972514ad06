import CLinuxSystem
import Glibc

/// What the kernel tells about devices that come and go (`NETLINK_KOBJECT_UEVENT`).
public struct DeviceEvents {
  /// One event.
  public struct Event: Equatable, Sendable {
    /// `add`, `remove`, `change` …
    public var action: String
    /// The fields of the event, for example `MODALIAS`, `DEVNAME`, `SUBSYSTEM`.
    public var fields: [String: String]

    /// Reads the kernel's message: `ACTION@PATH`, then `NAME=value`, each ended by a zero byte.
    init?(_ message: [UInt8]) {
      let parts = message.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      guard let head = parts.first, let at = head.firstIndex(of: "@") else { return nil }
      action = String(head[..<at])
      fields = [:]
      for part in parts.dropFirst() {
        guard let equals = part.firstIndex(of: "=") else { continue }
        fields[String(part[..<equals])] = String(part[part.index(after: equals)...])
      }
    }
  }

  /// Readable while an event waits.
  public let descriptor: Descriptor

  /// Begins to listen.
  public init() throws(SystemError) {
    descriptor = Descriptor(
      owning: try check("listen to", "device events") { cultivar_netlink_socket(NETLINK_KOBJECT_UEVENT, 1) })
    try descriptor.setNonBlocking()
    // Many devices come at once when a bus is scanned.
    var size: Int32 = 1 << 20
    setsockopt(descriptor.number, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Takes the next event that waits; `nil` where none does. Messages that are not the kernel's are dropped.
  public func next() -> Event? {
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      var sender = sockaddr_nl()
      var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
      let count = withUnsafeMutablePointer(to: &sender) { sender in
        sender.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor.number, &buffer, buffer.count, 0, $0, &size)
        }
      }
      // An overflow of the socket's buffer is told by an error; what was lost is found by the next walk over `/sys`.
      if count < 0, errno == EINTR || errno == ENOBUFS { continue }
      if count <= 0 { return nil }
      if sender.nl_pid == 0, let event = Event(Array(buffer.prefix(count))) { return event }
    }
  }
}
