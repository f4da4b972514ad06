import NIOCore

/// The way to a server.
public struct HTTPRoute: Sendable {
  /// Addresses of the server, or of the proxy. The first one that accepts a connection is used.
  public var addresses: [SocketAddress]
  /// The proxy; `nil` for a direct connection.
  public var proxy: HTTPProxy?

  public init(_ addresses: [SocketAddress], through proxy: HTTPProxy? = nil) {
    (self.addresses, self.proxy) = (addresses, proxy)
  }

  /// Makes a direct route.
  ///
  /// - Parameter addresses: Numeric addresses of the server.
  public init(to origin: WebAddress.Origin, at addresses: [String]) throws {
    self.init(try addresses.map { try SocketAddress(ipAddress: $0, port: Int(origin.port)) })
  }
}

/// A proxy that speaks HTTP (RFC 9110, section 3.7).
///
/// Requests without TLS are sent to the proxy itself. For TLS, the proxy opens a tunnel to the server, and sees neither
/// requests nor responses.
public struct HTTPProxy: Sendable, Equatable {
  /// Host name or numeric address, an IPv6 address without brackets.
  public var host: String
  public var port: UInt16
  /// Value of the `Proxy-Authorization` field. Secret.
  public var authorization: String?

  public init(host: String, port: UInt16, authorization: String? = nil) {
    (self.host, self.port, self.authorization) = (host, port, authorization)
  }

  /// Host and port, for messages.
  var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
