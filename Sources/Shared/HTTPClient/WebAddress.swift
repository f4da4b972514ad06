/// The address of a file on a web server: a URL with the scheme `http` or `https` (RFC 3986).
public struct WebAddress: Hashable, Sendable, CustomStringConvertible {
  /// The server part of an address. Credentials belong to one origin.
  public struct Origin: Hashable, Sendable {
    /// True for TLS.
    public var isSecure: Bool
    /// Host name in lower case or numeric address, an IPv6 address without brackets.
    public var host: String
    /// TCP port.
    public var port: UInt16

    public init(isSecure: Bool, host: String, port: UInt16) {
      (self.isSecure, self.host, self.port) = (isSecure, host, port)
    }
  }

  /// The reason why a text is not a valid address.
  public struct Malformed: Error, Equatable, Sendable {
    /// The reason, as the rest of a sentence about the text.
    public var reason: String
  }

  public let origin: Origin
  /// Path and query, as in a request.
  public let target: String

  private static let longest = 8192

  /// Parses a URL and drops its fragment.
  ///
  /// - Throws: ``Malformed``.
  public init(_ text: String) throws(Malformed) {
    guard text.utf8.count <= Self.longest else { throw Malformed(reason: "is longer than \(Self.longest) bytes") }
    // Rejects characters that would end a line of the request, and characters that servers decode differently.
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Malformed(reason: "has characters that must be encoded: as %XX, or in a host name as xn--")
    }
    let text = text.prefix { $0 != "#" }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let scheme = parts.first?.lowercased(), ["http", "https"].contains(scheme), parts[1].hasPrefix("//") else {
      throw Malformed(reason: "does not begin with http:// or https://")
    }
    let rest = parts[1].dropFirst(2)
    let authority = rest.prefix { !"/?".contains($0) }
    let target = rest.dropFirst(authority.count)
    origin = try Self.origin(authority, isSecure: scheme == "https")
    self.target = target.hasPrefix("/") ? String(target) : "/" + target
  }

  /// True if the text begins like a URL; otherwise it may be the path of a file.
  public static func isOne(_ text: String) -> Bool {
    ["http://", "https://"].contains { text.lowercased().hasPrefix($0) }
  }

  private init(_ origin: Origin, _ target: String) { (self.origin, self.target) = (origin, target) }

  private static func origin(_ authority: Substring, isSecure: Bool) throws(Malformed) -> Origin {
    guard !authority.contains("@") else {
      throw Malformed(reason: "has a user name or a password, which must not be part of the URL")
    }
    var (host, port) = (authority, authority[authority.endIndex...])
    if authority.hasPrefix("[") {
      host = authority.dropFirst().prefix { $0 != "]" }
      port = authority.dropFirst(host.count + 2)
      guard authority.dropFirst(host.count + 1).hasPrefix("]"), port.isEmpty || port.hasPrefix(":") else {
        throw Malformed(reason: "has an IPv6 address without the closing ]")
      }
    } else if let colon = authority.firstIndex(of: ":") {
      (host, port) = (authority[..<colon], authority[colon...])
    }
    guard !host.isEmpty else { throw Malformed(reason: "has no host") }
    let number = port.count <= 1 ? (isSecure ? 443 : 80) : UInt16(port.dropFirst())
    guard let number, number > 0 else { throw Malformed(reason: "has an invalid port") }
    return Origin(isSecure: isSecure, host: host.lowercased(), port: number)
  }

  /// Resolves a reference, for example from a redirect (RFC 3986, section 5.2).
  ///
  /// - Throws: ``Malformed``.
  public func following(_ reference: String) throws(Malformed) -> WebAddress {
    let scheme = origin.isSecure ? "https:" : "http:"
    if reference.hasPrefix("//") { return try WebAddress(scheme + reference) }
    let beginning = reference.prefix { !"/?#".contains($0) }
    if beginning.contains(":") { return try WebAddress(reference) }
    let path = target.prefix { $0 != "?" }
    let base = "\(scheme)//\(origin.authority)"
    if reference.hasPrefix("/") { return try WebAddress(base + reference).withoutDots() }
    if reference.isEmpty || reference.hasPrefix("#") { return self }
    if reference.hasPrefix("?") { return try WebAddress(base + path + reference) }
    let folder = path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
    return try WebAddress(base + folder + reference).withoutDots()
  }

  /// Removes `.` and `..` from the path (section 5.2.4).
  private func withoutDots() -> WebAddress {
    let path = target.prefix { $0 != "?" }
    var parts: [Substring] = []
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment {
      case "..":
        _ = parts.popLast()
        if isLast { parts.append("") }
      case ".": if isLast { parts.append("") }
      default: parts.append(segment)
      }
    }
    return WebAddress(origin, "/" + parts.joined(separator: "/") + target.dropFirst(path.count))
  }

  public var description: String { "\(origin.isSecure ? "https" : "http")://\(origin.authority)\(target)" }

  /// The address without its query, which may be secret. Used in messages.
  public var withoutQuery: String { WebAddress(origin, String(target.prefix { $0 != "?" })).description }
}

extension WebAddress.Origin {
  /// Host and port as in a URL or a request, without the scheme's default port.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }
}
