/// A package to install.
public struct PackageWish: Sendable, Hashable {
  public var name: String
  /// Required version; `nil` for the newest version in the archive.
  public var version: String?

  public init(name: String, version: String? = nil) {
    self.name = name
    self.version = version
  }

  /// Parses `NAME` or `NAME=VERSION`.
  public init(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    self.init(name: parts.first ?? text, version: parts.count == 2 ? parts[1] : nil)
  }

  /// The wish in APT's syntax: `NAME` or `NAME=VERSION`.
  public var text: String { version.map { "\(name)=\($0)" } ?? name }
}
