/// Why an archive's signed index is not trusted.
public struct RepositoryTrust: Sendable {
  /// Name of the repository.
  public var name: String
  /// URL of the repository.
  public var url: String
  /// File with the keys that count for it.
  public var key: String
  /// Whether it is one of Debian's own.
  public var isDebian: Bool
  /// What is wrong.
  public var reason: String

  /// Looks in APT's complaints for an archive whose signature does not hold.
  ///
  /// - Parameters:
  ///   - said: What `apt-get update` said.
  ///   - repositories: Archives by URL, with name and file of keys.
  init?(in said: String, repositories: [(name: String, url: String, key: String, isDebian: Bool)]) {
    for repository in repositories {
      for line in said.split(separator: "\n") where line.contains(repository.url) {
        guard let reason = Self.reason(in: line, key: repository.key) else { continue }
        (name, url, key, isDebian) = repository
        self.reason = reason
        return
      }
    }
    return nil
  }

  /// The words of gpgv's status lines, and those of Sequoia's verifier, which newer versions of APT ask.
  private static func reason(in line: Substring, key: String) -> String? {
    let words = line.split(whereSeparator: { " ,".contains($0) }).map(String.init)
    func id(after mark: String) -> String {
      words.firstIndex(of: mark).flatMap { $0 + 1 < words.count ? " \(words[$0 + 1])" : nil } ?? ""
    }
    if line.contains("NO_PUBKEY") {
      return "it is signed with the key\(id(after: "NO_PUBKEY")), which \(key) does not have"
    }
    if line.contains("Missing key") {
      return "it is signed with the key\(id(after: "key")), which \(key) does not have"
    }
    if line.contains("EXPKEYSIG") { return "the key\(id(after: "EXPKEYSIG")) in \(key) has expired" }
    if line.contains("REVKEYSIG") { return "the key\(id(after: "REVKEYSIG")) in \(key) has been revoked" }
    if line.contains("xpired") { return "the key in \(key) has expired" }
    if line.contains("BADSIG") { return "its signature is wrong" }
    if line.contains("is not signed") { return "its index is not signed" }
    return nil
  }
}
