import FoundationEssentials
import Glibc

extension Shape<String> {
  /// A numeric IPv4 or IPv6 address.
  static let address = text(
    "a numeric address", pattern: "[0-9A-Fa-f:.]+", hint: "for example 192.0.2.1 or 2001:db8::1"
  )
  .checked { text, node, reading in
    guard addressBits(text) != nil else {
      reading.error(
        "'\(text)' is not a numeric address", at: node.position, hint: "for example 192.0.2.1 or 2001:db8::1")
      return nil
    }
    return text
  }

  /// A numeric address with a prefix length.
  static let addressWithPrefix = text(
    "an address with prefix length", pattern: "[0-9A-Fa-f:.]+/[0-9]{1,3}", hint: "for example 192.0.2.7/24"
  ).checked { text, node, reading in
    let parts = text.split(separator: "/").map(String.init)
    guard parts.count == 2, let bits = addressBits(parts[0]), let length = Int(parts[1]), (1...bits).contains(length)
    else {
      reading.error(
        "'\(text)' is not an address with prefix length", at: node.position,
        hint: "for example 192.0.2.7/24 or 2001:db8::7/64; the longest prefixes are /32 and /128")
      return nil
    }
    return text
  }

  /// A host by name or numeric address.
  static let host = text(
    "a host name or address",
    pattern:
      "([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*|[0-9A-Fa-f:]+",
    hint: "for example pool.ntp.org")

  private static let archiveURLPattern = #"(https?://[^/\s]+|file://)(/\S*)?"#

  /// URL of a package archive.
  ///
  /// A URL with a password is rejected before it can appear in a message, the lock file, the sources of the image, or
  /// the arguments of APT's helper, which all users of the machine can see.
  static let archiveURL = Shape(
    .text(TextDescription(noun: "the URL of an archive", pattern: archiveURLPattern))
  ) { node, reading in
    if let text = node.text, hasCredentials(text) {
      reading.error(
        hidingLine: "the URL contains a user name or password, which would be stored in the lock file and in the image",
        at: node.position,
        hint: "remove it, and put it in a file in /etc/apt/auth.conf.d on the build host (apt_auth.conf(5))")
      return nil
    }
    return plainArchiveURL.read(node, &reading)
  }

  private static let plainArchiveURL = text(
    "the URL of an archive", pattern: archiveURLPattern, hint: "for example https://ftp.debian.org/debian")

  /// Pattern of the URLs that git accepts (git-clone(1)), without plain paths.
  static let gitURLPattern =
    #"(https?|ssh|git|file)://[^\s-]\S*|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:\S+"#

  /// URL of a git repository.
  ///
  /// A URL with a password or token is rejected before it can appear in a message, the lock file, or the arguments of
  /// git, which all users of the machine can see.
  static let gitURL = Shape(
    .text(TextDescription(noun: "the URL of a git repository", pattern: gitURLPattern))
  ) { node, reading in
    if let text = node.text, hasCredentials(text) {
      reading.error(
        hidingLine: "the URL contains a password or token, which would be stored in the lock file", at: node.position,
        hint: "remove it: git asks its credential helper (gitcredentials(7)) or uses an SSH key")
      return nil
    }
    return plainGitURL.read(node, &reading)
  }

  private static let plainGitURL = text(
    "the URL of a git repository", pattern: gitURLPattern, hint: "for example https://git.example.org/project.git")

  /// Returns true if a URL contains a password, or any user information over HTTP, where a name alone can be a token.
  static func hasCredentials(_ url: String) -> Bool {
    guard let scheme = url.firstRange(of: "://") else { return false }
    let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return false }
    return url.hasPrefix("http") || authority[..<at].contains(":")
  }

  /// Returns the number of bits of an address; `nil` if the text is not an address.
  static func addressBits(_ text: String) -> Int? {
    var ipv4 = in_addr()
    var ipv6 = in6_addr()
    if inet_pton(AF_INET, text, &ipv4) == 1 { return 32 }
    if inet_pton(AF_INET6, text, &ipv6) == 1 { return 128 }
    return nil
  }
}
