import FoundationEssentials
import HTTPClient
import HostSystem
import LinuxSystem

/// The proxies that the environment names: `https_proxy`, `http_proxy` and `no_proxy`, in lower or upper case.
///
/// The names `localhost` and below, and loopback addresses, never have a proxy.
struct ProxySettings: Sendable {
  private let secure: HTTPProxy?
  private let clear: HTTPProxy?
  private let exceptions: [ProxyException]

  init(_ environment: [String: String]) throws(ProxyFailure) {
    func value(_ name: String) -> String? { environment[name] ?? environment[name.uppercased()] }
    func proxy(_ name: String) throws(ProxyFailure) -> HTTPProxy? {
      guard let text = value(name)?.trimmed, !text.isEmpty else { return nil }
      guard let proxy = HTTPProxy(url: text) else { throw ProxyFailure(variable: name) }
      return proxy
    }
    secure = try proxy("https_proxy")
    clear = try proxy("http_proxy")
    exceptions = (value("no_proxy") ?? "").split { $0 == "," || $0.isWhitespace }.map { ProxyException(String($0)) }
  }

  /// The proxy for a server; `nil` for a direct connection.
  func proxy(for origin: WebAddress.Origin) -> HTTPProxy? {
    let isLocal =
      origin.host == "localhost" || origin.host.hasSuffix(".localhost")
      || ["127.0.0.0/8", "::1"].contains { ProxyException($0).matches(origin) }
    guard !isLocal, !exceptions.contains(where: { $0.matches(origin) }) else { return nil }
    return origin.isSecure ? secure : clear
  }
}

/// An entry of `no_proxy`: `*`, a domain, an address, or a network like `10.0.0.0/8`, with an optional port.
private struct ProxyException: Sendable {
  private var name: String
  private var port: UInt16?

  init(_ text: String) {
    name = text.lowercased()
    if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
      port = UInt16(name[end...].dropFirst(2))
      name = String(name[..<end].dropFirst())
    } else if let colon = name.firstIndex(of: ":"), colon == name.lastIndex(of: ":") {
      port = UInt16(name[colon...].dropFirst())
      name = String(name[..<colon])
    }
    if name.hasPrefix("*.") { name.removeFirst() }
    if name.hasPrefix(".") { name.removeFirst() }
  }

  func matches(_ origin: WebAddress.Origin) -> Bool {
    guard port == nil || port == origin.port, !name.isEmpty else { return false }
    if name == "*" || name == origin.host { return true }
    guard let address = NetworkAddress(origin.host) else { return origin.host.hasSuffix(".\(name)") }
    return NetworkAddress(name)?.contains(address) ?? false
  }
}

extension NetworkAddress {
  /// True if the first bits of an address are those of this network.
  fileprivate func contains(_ address: NetworkAddress) -> Bool {
    guard bytes.count == address.bytes.count else { return false }
    return (0..<prefixLength).allSatisfy { bit in
      (bytes[bit / 8] ^ address.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
    }
  }
}

extension HTTPProxy {
  /// Parses `http://NAME:PASSWORD@HOST:PORT/`. Scheme, name and password can be absent; the standard port is 80.
  fileprivate init?(url text: String) {
    let parts = text.contains("://") ? text : "http://\(text)"
    guard parts.lowercased().hasPrefix("http://") else { return nil }
    var authority = parts.dropFirst("http://".count).prefix { !"/?#".contains($0) }
    var authorization: String?
    if let at = authority.lastIndex(of: "@") {
      guard let credentials = String(authority[..<at]).percentDecoded else { return nil }
      authorization = "Basic \(Data(credentials.utf8).base64EncodedString())"
      authority = authority[at...].dropFirst()
    }
    guard let address = try? WebAddress("http://\(authority)") else { return nil }
    self.init(host: address.origin.host, port: address.origin.port, authorization: authorization)
  }
}

/// A variable of the environment is not the address of a proxy.
public struct ProxyFailure: ExplainedError, Equatable {
  let variable: String

  // The value is not shown: it may have a password.
  public var problem: String { "\(variable) in the environment is not the address of an HTTP proxy" }
  public var remedy: String? { "set it to http://HOST:PORT, or unset it" }
}
