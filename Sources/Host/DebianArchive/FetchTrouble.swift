/// APT's reasons for files that it could not fetch, each once.
struct FetchTrouble {
  /// Hosts that could not be reached, as written in URLs, each once.
  private(set) var unreachableHosts: [String] = []
  /// Reasons, each once, in the order of the complaints.
  private(set) var reasons: [String] = []

  /// Words of APT for a missing connection.
  private static let unreachable = [
    "Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect",
    "Cannot initiate the connection",
    "Connection timed out", "Network is unreachable", "No route to host",
  ]

  /// Reads the lines `E: Failed to fetch URL  REASON`.
  init(_ said: String) {
    let mark = "E: Failed to fetch "
    for line in said.split(separator: "\n") where line.hasPrefix(mark) {
      let words = line.dropFirst(mark.count)
      guard let space = words.firstIndex(of: " ") else { continue }
      let reason = words[space...].drop { $0 == " " }
      if !reasons.contains(String(reason)) { reasons.append(String(reason)) }
      guard Self.unreachable.contains(where: reason.contains), let scheme = words.firstRange(of: "://") else {
        continue
      }
      let host = String(words[scheme.upperBound...].prefix { !"/ ".contains($0) })
      if !unreachableHosts.contains(host) { unreachableHosts.append(host) }
    }
  }

  /// The hosts for a message: `: cannot reach ftp.debian.org`; empty where all of them answered.
  var hosts: String {
    unreachableHosts.isEmpty ? "" : ": cannot reach \(unreachableHosts.joined(separator: " and "))"
  }
}
