import FoundationEssentials

/// An archive of Debian packages, with the key that signs it.
///
/// `Text` is the type of texts that can contain variables.
public struct PackageRepository<Text: Sendable>: Sendable {
  /// Name of the file in `/etc/apt/sources.list.d`, without its extension.
  public var name: String
  public var url: Text
  public var suites: [Text]
  /// Components; empty for a flat archive.
  public var components: [Text]
  /// File with the key that signs it, in OpenPGP format, armoured or binary.
  public var key: URL
  /// Priority of its packages; `nil` for APT's default.
  public var pin: RepositoryPin?

  public init(name: String, url: Text, suites: [Text], components: [Text], key: URL, pin: RepositoryPin? = nil) {
    self.name = name
    self.url = url
    self.suites = suites
    self.components = components
    self.key = key
    self.pin = pin
  }
}

extension PackageRepository where Text == String {
  /// Returns the repository as a paragraph for APT (`sources.list(5)`, deb822).
  ///
  /// - Parameters:
  ///   - key: Path of the key.
  ///   - architectures: Architectures; empty for APT's own.
  public func paragraph(signedBy key: String, architectures: [String] = []) -> String {
    let lists = [("Suites", suites), ("Components", components), ("Architectures", architectures)].filter {
      !$1.isEmpty
    }
    let lines =
      ["Types: deb", "URIs: \(url)"] + lists.map { "\($0): \($1.joined(separator: " "))" } + ["Signed-By: \(key)"]
    return lines.joined(separator: "\n") + "\n"
  }
}

extension PackageRepository: Equatable where Text: Equatable {}
extension PackageRepository: Hashable where Text: Hashable {}

/// The priority of a repository's packages relative to other archives (`apt_preferences(5)`).
public struct RepositoryPin: Sendable, Hashable {
  public var priority: Int
  /// Packages that the priority applies to; empty for all.
  public var packages: [String]

  public init(priority: Int, packages: [String]) {
    self.priority = priority
    self.packages = packages
  }
}
