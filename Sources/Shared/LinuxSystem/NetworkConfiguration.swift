import CLinuxSystem
import Glibc

/// An IPv4 or IPv6 address with an optional prefix length.
public struct NetworkAddress: Equatable, Sendable {
  /// The address: 4 or 16 bytes.
  public let bytes: [UInt8]
  /// Prefix length in bits; the full length if the text has none.
  public let prefixLength: Int

  /// Parses `192.0.2.7`, `192.0.2.7/24`, `2001:db8::7/64`; `nil` for any other text.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first else { return nil }
    let family = first.contains(":") ? AF_INET6 : AF_INET
    var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
    guard inet_pton(family, String(first), &bytes) == 1 else { return nil }
    let bits = bytes.count * 8
    guard let length = parts.count == 2 ? Int(parts[1]) : bits, (0...bits).contains(length) else { return nil }
    self.bytes = bytes
    prefixLength = length
  }

  var family: UInt8 { UInt8(bytes.count == 16 ? AF_INET6 : AF_INET) }
}

/// Configures interfaces, addresses and routes with the kernel's route protocol (`rtnetlink(7)`).
public struct NetworkConfiguration {
  private let socket: Descriptor

  /// Opens a route socket.
  public init() throws(SystemError) {
    socket = Descriptor(
      owning: try check("open", "a route socket") { cultivar_netlink_socket(NETLINK_ROUTE, 0) })
  }

  /// Names of the physical Ethernet interfaces, sorted. Bridges, tunnels and other virtual interfaces are left out.
  public static func ethernetInterfaces() -> [String] {
    FileTree.names(in: "/sys/class/net").filter { name in
      // Wireless interfaces have the same type, and a radio.
      FileTree.line("/sys/class/net/\(name)/type") == "1" && FileTree.exists("/sys/class/net/\(name)/device")
        && !FileTree.exists("/sys/class/net/\(name)/phy80211")
    }
  }

  /// Brings an interface up.
  public func bringUp(_ interface: String) throws(SystemError) {
    let up = UInt32(IFF_UP)
    var link = ifinfomsg()
    link.ifi_index = try index(of: interface)
    link.ifi_flags = up
    link.ifi_change = up
    try request(Int(RTM_NEWLINK), [], payload: link, attributes: [], "bring up", interface)
  }

  /// Adds an address to an interface. An address that exists already is not an error.
  public func add(_ address: NetworkAddress, to interface: String) throws(SystemError) {
    var message = ifaddrmsg()
    message.ifa_family = address.family
    message.ifa_prefixlen = UInt8(address.prefixLength)
    message.ifa_index = UInt32(try index(of: interface))
    let attributes = [(UInt16(IFA_LOCAL), address.bytes), (UInt16(IFA_ADDRESS), address.bytes)]
    try request(
      Int(RTM_NEWADDR), [NLM_F_CREATE, NLM_F_REPLACE], payload: message, attributes: attributes,
      "set an address of", interface)
  }

  /// Sets the default route.
  public func addDefaultRoute(by gateway: NetworkAddress, on interface: String) throws(SystemError) {
    var message = rtmsg()
    message.rtm_family = gateway.family
    message.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
    message.rtm_protocol = UInt8(RTPROT_STATIC)
    message.rtm_scope = UInt8(RT_SCOPE_UNIVERSE.rawValue)
    message.rtm_type = UInt8(RTN_UNICAST)
    let interfaceIndex = withUnsafeBytes(of: try index(of: interface)) { Array($0) }
    let attributes = [(UInt16(RTA_GATEWAY.rawValue), gateway.bytes), (UInt16(RTA_OIF.rawValue), interfaceIndex)]
    try request(
      Int(RTM_NEWROUTE), [NLM_F_CREATE, NLM_F_REPLACE], payload: message, attributes: attributes,
      "set the default route by", interface)
  }

  private func index(of interface: String) throws(SystemError) -> Int32 {
    let index = if_nametoindex(interface)
    guard index > 0 else { throw SystemError("find interface", interface) }
    return Int32(bitPattern: index)
  }

  /// Sends a request and waits for the kernel's answer.
  private func request(
    _ type: Int, _ flags: [Int32], payload: some BitwiseCopyable, attributes: [(type: UInt16, bytes: [UInt8])],
    _ operation: String, _ interface: String
  ) throws(SystemError) {
    var body = withUnsafeBytes(of: payload) { Array($0) }
    for attribute in attributes {
      body += withUnsafeBytes(of: UInt16(4 + attribute.bytes.count)) { Array($0) }
      body += withUnsafeBytes(of: attribute.type) { Array($0) }
      body += attribute.bytes
      body += [UInt8](repeating: 0, count: (4 - attribute.bytes.count % 4) % 4)
    }
    var header = nlmsghdr()
    header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + body.count)
    header.nlmsg_type = UInt16(type)
    header.nlmsg_flags = UInt16((flags + [NLM_F_REQUEST, NLM_F_ACK]).reduce(0, |))
    try socket.write(all: withUnsafeBytes(of: header) { Array($0) } + body)

    // The answer is a header and an error number, 0 for success.
    let answer = try socket.read(atMost: 8192) ?? []
    let code = answer.dropFirst(MemoryLayout<nlmsghdr>.size).prefix(4).reversed().reduce(UInt32(0)) {
      $0 << 8 | UInt32($1)
    }
    let error = Int32(bitPattern: code)
    if error < 0 { throw SystemError(operation, interface, code: -error) }
  }
}
