import DeviceModel
import Glibc
import LinuxSystem

/// The current name servers: one entry for each source, and a `resolv.conf` that merges all of them.
public struct ResolverConfiguration {
  /// Name servers and search domains of one source: an interface and protocol, or the image.
  public struct Entry: Equatable, Sendable {
    /// Numeric addresses.
    public var nameServers: [String]
    /// Domains to append to a short name.
    public var searchDomains: [String]

    public init(nameServers: [String], searchDomains: [String] = []) {
      self.nameServers = nameServers
      self.searchDomains = searchDomains
    }
  }

  /// Maximum number of name servers that the C library uses.
  private static let serverLimit = 3

  private let folder: String
  private let path: String

  /// - Parameters:
  ///   - folder: The folder with the entries, one file for each source.
  ///   - path: The path of the `resolv.conf` to write.
  public init(folder: String = DevicePaths.run + "/dns", path: String = DevicePaths.resolvConf) {
    self.folder = folder
    self.path = path
  }

  /// Sets or removes the entry of a source, and writes `resolv.conf`.
  ///
  /// - Parameters:
  ///   - source: A name that sorts in the order of preference. Other characters than letters, digits, `.`, `-`, `_` and
  ///     `~` are replaced.
  ///   - entry: `nil` to remove the entry.
  /// - Throws: ``SystemError``.
  public func set(_ source: String, to entry: Entry?) throws(SystemError) {
    try FileTree.makeFolders(folder)
    let name = String(source.map { $0.isLetter || $0.isNumber || ".-_~".contains($0) ? $0 : "_" })
    let file = folder + "/" + name
    if let entry, !entry.nameServers.isEmpty || !entry.searchDomains.isEmpty {
      try FileTree.replace(file, with: Array(Self.text(of: entry).utf8))
    } else {
      unlink(file)
    }
    try FileTree.replace(path, with: Array(Self.text(of: merged()).utf8))
  }

  private func merged() -> Entry {
    var servers: [String] = []
    var domains: [String] = []
    for name in FileTree.names(in: folder) where !name.hasSuffix(".new") {
      for line in (FileTree.line(folder + "/" + name) ?? "").split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        switch words.first {
        case "nameserver": servers += words.dropFirst().filter { !servers.contains($0) }
        case "search": domains += words.dropFirst().filter { !domains.contains($0) }
        default: break
        }
      }
    }
    return Entry(nameServers: Array(servers.prefix(Self.serverLimit)), searchDomains: domains)
  }

  private static func text(of entry: Entry) -> String {
    let search = entry.searchDomains.isEmpty ? "" : "search \(entry.searchDomains.joined(separator: " "))\n"
    return search + entry.nameServers.map { "nameserver \($0)\n" }.joined()
  }
}
