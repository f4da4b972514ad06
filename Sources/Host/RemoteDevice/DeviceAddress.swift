/// The address of a device's management API.
public struct DeviceAddress: Sendable, Hashable, CustomStringConvertible {
  /// The port to use if none is given.
  public static let standardPort = 8443

  /// Host name or IP address, without brackets.
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Parses `HOST`, `HOST:PORT`, or `[IPV6]:PORT`.
  ///
  /// - Throws: ``RemoteFailure/noAddress(_:)``.
  public init(_ text: String) throws(RemoteFailure) {
    var host = text[...]
    var rest = text[text.endIndex...]
    if text.hasPrefix("[") {
      host = text.dropFirst().prefix { $0 != "]" }
      rest = text.dropFirst(host.count + 2)
      guard text.dropFirst(host.count + 1).hasPrefix("]") else { throw .noAddress(text) }
    } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
      (host, rest) = (text[..<colon], text[colon...])
    }
    var port: UInt16? = UInt16(Self.standardPort)
    if !rest.isEmpty { port = rest.hasPrefix(":") ? UInt16(rest.dropFirst()) : nil }
    let isWord = host.utf8.allSatisfy {
      (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@")
    }
    guard let port, port > 0, !host.isEmpty, isWord else { throw .noAddress(text) }
    self.init(host: host.lowercased(), port: Int(port))
  }

  /// Host and port, as in a URL.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
