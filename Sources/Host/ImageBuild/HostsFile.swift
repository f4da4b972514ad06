/// The file `/etc/hosts` of an image (`hosts(5)`).
enum HostsFile {
  /// The path in the image.
  static let path = "/etc/hosts"

  /// The content for a host name.
  static func text(hostname: String) -> String {
    "127.0.0.1 localhost\n127.0.1.1 \(hostname)\n::1 localhost ip6-localhost ip6-loopback\n"
  }
}
