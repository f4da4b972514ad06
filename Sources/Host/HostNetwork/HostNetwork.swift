import FoundationEssentials
import Glibc
import HTTPClient
import NIOCore

/// The network as the other programs of this machine use it: names are resolved by the system, and the proxies of the
/// environment are used.
public struct HostNetwork: Sendable {
  private let proxies: ProxySettings

  /// Reads the proxies.
  ///
  /// - Throws: ``ProxyFailure``.
  public init(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws(ProxyFailure) {
    proxies = try ProxySettings(environment)
  }

  /// Finds the way to a server. Blocks until the name is resolved. A proxy resolves the server's name itself.
  ///
  /// - Throws: `HTTPFailure`.
  public func route(to origin: WebAddress.Origin) throws(HTTPFailure) -> HTTPRoute {
    guard let proxy = proxies.proxy(for: origin) else {
      return HTTPRoute(try Self.addresses(of: origin.host, port: origin.port))
    }
    return HTTPRoute(try Self.addresses(of: proxy.host, port: proxy.port), through: proxy)
  }

  /// Resolves a name by `getaddrinfo(3)`, which also knows the system's other sources than DNS.
  private static func addresses(of host: String, port: UInt16) throws(HTTPFailure) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, "\(port)", &hints, &first)
    guard code == 0 else {
      let reason = String(cString: gai_strerror(code))
      throw .notConnected(reason: "the name '\(host)' cannot be resolved: \(reason)")
    }
    defer { freeaddrinfo(first) }
    return sequence(first: first) { $0?.pointee.ai_next }.prefix { $0 != nil }.compactMap { entry in
      guard let entry = entry?.pointee, let address = entry.ai_addr else { return nil }
      let bytes = UnsafeRawPointer(address)
      return switch entry.ai_family {
      case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
      case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
      default: nil
      }
    }
  }
}
