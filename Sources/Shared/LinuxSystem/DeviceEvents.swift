import CLinuxSystem
import Glibc

/// The kernel's events about devices (`NETLINK_KOBJECT_UEVENT`).
public struct DeviceEvents {
  /// One event.
  public struct Event: Equatable, Sendable {
    /// The action: `add`, `remove`, `change` and others.
    public var action: String
    /// The fields of the event, for example `MODALIAS`, `DEVNAME`, `SUBSYSTEM`.
    public var fields: [String: String]

    /// Parses the kernel's message: `ACTION@PATH`, then `NAME=value` fields, each with a zero byte at its end.
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

  /// A descriptor that is readable while an event is pending.
  public let descriptor: Descriptor

  /// Starts to receive events.
  public init() throws(SystemError) {
    descriptor = Descriptor(
      owning: try check("listen to", "device events") { cultivar_netlink_socket(NETLINK_KOBJECT_UEVENT, 1) })
    try descriptor.setNonBlocking()
    // A bus scan causes many events at once.
    var size: Int32 = 1 << 20
    setsockopt(descriptor.number, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Returns the next pending event; `nil` if there is none. Discards messages that are not from the kernel.
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
      // ENOBUFS means that events were lost. The next scan of `/sys` finds those devices.
      if count < 0, errno == EINTR || errno == ENOBUFS { continue }
      if count <= 0 { return nil }
      if sender.nl_pid == 0, let event = Event(Array(buffer.prefix(count))) { return event }
    }
  }
}
