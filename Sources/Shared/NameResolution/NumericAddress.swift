import Glibc
import LinuxSystem

/// Numeric addresses as text.
enum NumericAddress {
  /// True if the text is an IPv4 or IPv6 address.
  static func isOne(_ text: String) -> Bool { !text.contains("/") && NetworkAddress(text) != nil }

  /// Formats an address of 4 or 16 bytes.
  static func text(_ bytes: [UInt8]) -> String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count))
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
