import CLinuxSystem
import Glibc

/// The current addresses of the interfaces.
public enum NetworkState {
  /// An address of an interface.
  public struct Address: Equatable, Sendable {
    /// Name of the interface.
    public var interface: String
    /// The address as text.
    public var address: String
    /// Prefix length in bits.
    public var prefixLength: Int
    /// True if the interface is up.
    public var isUp: Bool
    /// True if the address is link-local.
    public var isLinkLocal: Bool
    /// True if the interface is the loopback interface.
    public var isLoopback: Bool
  }

  /// All addresses, IPv4 and IPv6.
  public static func addresses() -> [Address] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    return sequence(first: list) { $0?.pointee.ifa_next }.compactMap { entry -> Address? in
      guard let entry = entry?.pointee, let address = entry.ifa_addr, let text = numeric(address) else { return nil }
      let flags = entry.ifa_flags
      return Address(
        interface: String(cString: entry.ifa_name),
        address: text,
        prefixLength: entry.ifa_netmask.map(prefixLength) ?? 0,
        isUp: flags & UInt32(IFF_UP) != 0 && flags & UInt32(IFF_RUNNING) != 0,
        isLinkLocal: text.hasPrefix("169.254.") || text.hasPrefix("fe80:"),
        isLoopback: flags & UInt32(IFF_LOOPBACK) != 0)
    }
  }

  /// True if an interface other than loopback is up and has an address that is not link-local.
  public static var isUp: Bool {
    addresses().contains { $0.isUp && !$0.isLinkLocal && !$0.isLoopback }
  }

  /// Opens a descriptor that is readable after a link or an address has changed. The content of the messages is not
  /// needed.
  public static func changes() throws(SystemError) -> Descriptor {
    let groups = UInt32(RTMGRP_LINK) | UInt32(RTMGRP_IPV4_IFADDR) | UInt32(RTMGRP_IPV6_IFADDR)
    let socket = Descriptor(
      owning: try check("listen to", "network changes") { cultivar_netlink_socket(NETLINK_ROUTE, groups) })
    try socket.setNonBlocking()
    return socket
  }

  private static func bytes(_ address: UnsafeMutablePointer<sockaddr>) -> [UInt8]? {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin_addr) { Array($0) }
      }
    case AF_INET6:
      address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
      }
    default: nil
    }
  }

  private static func numeric(_ address: UnsafeMutablePointer<sockaddr>) -> String? {
    guard let bytes = bytes(address) else { return nil }
    var text = [CChar](repeating: 0, count: 64)
    guard inet_ntop(Int32(address.pointee.sa_family), bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func prefixLength(_ mask: UnsafeMutablePointer<sockaddr>) -> Int {
    bytes(mask)?.reduce(0) { $0 + $1.nonzeroBitCount } ?? 0
  }
}
