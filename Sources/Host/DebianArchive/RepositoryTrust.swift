/// The reason why an archive's signed index is not trusted.
public struct RepositoryTrust: Sendable {
  public var name: String
  public var url: String
  /// Path of the file with the keys that are accepted for the repository.
  public var key: String
  /// True if the repository is one of Debian's own.
  public var isDebian: Bool
  /// The problem, as a clause for messages.
  public var reason: String

  /// Searches APT's output for an archive whose signature is not valid; `nil` if there is none.
  ///
  /// - Parameters:
  ///   - said: Output of `apt-get update`.
  ///   - repositories: The archives, each with the file of its accepted keys.
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

  /// Returns the problem that a line of output reports, by gpgv's status lines or by the messages of Sequoia's
  /// verifier, which newer versions of APT use.
  private static func reason(in line: Substring, key: String) -> String? {
    let words = line.split(whereSeparator: { " ,".contains($0) }).map(String.init)
    func id(after mark: String) -> String {
      words.firstIndex(of: mark).flatMap { $0 + 1 < words.count ? " \(words[$0 + 1])" : nil } ?? ""
    }
    if line.contains("NO_PUBKEY") {
      return "it is signed with the key\(id(after: "NO_PUBKEY")), which is not in \(key)"
    }
    if line.contains("Missing key") {
      return "it is signed with the key\(id(after: "key")), which is not in \(key)"
    }
    if line.contains("EXPKEYSIG") { return "the key\(id(after: "EXPKEYSIG")) in \(key) has expired" }
    if line.contains("REVKEYSIG") { return "the key\(id(after: "REVKEYSIG")) in \(key) has been revoked" }
    if line.contains("xpired") { return "the key in \(key) has expired" }
    if line.contains("BADSIG") { return "its signature is wrong" }
    if line.contains("is not signed") { return "its index is not signed" }
    return nil
  }
}
