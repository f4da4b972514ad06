import LinuxSystem

/// An event that `dhcpcd` reports to its script in the environment (`dhcpcd-run-hooks(8)`), as far as it concerns name
/// servers.
public struct DHCPHook: Equatable, Sendable {
  /// The source that the event is about.
  public let source: String
  /// The name servers of the source after the event, or `nil` if it has none.
  public let entry: ResolverConfiguration.Entry?

  /// Parses an event. Returns `nil` if it does not concern name servers.
  ///
  /// - Parameter environment: The environment variables of the process.
  public init?(environment: [String: String]) {
    guard let interface = environment["interface"], let reason = environment["reason"] else { return nil }
    switch reason {
    case "BOUND", "RENEW", "REBIND", "REBOOT", "INFORM", "STATIC", "TIMEOUT":
      source = "\(interface).dhcp"
      entry = Self.entry(
        environment, servers: "new_domain_name_servers", domains: ["new_domain_search", "new_domain_name"])
    case "EXPIRE", "FAIL", "NAK", "STOP", "RELEASE", "NOCARRIER", "DEPARTED", "STOPPED":
      source = "\(interface).dhcp"
      entry = nil
    case "BOUND6", "RENEW6", "REBIND6", "REBOOT6", "INFORM6":
      source = "\(interface).dhcp6"
      entry = Self.entry(environment, servers: "new_dhcp6_name_servers", domains: ["new_dhcp6_domain_search"])
    case "EXPIRE6", "STOP6", "RELEASE6", "FAIL6":
      source = "\(interface).dhcp6"
      entry = nil
    case "ROUTERADVERT":
      source = "\(interface).ra"
      entry = Self.advertised(environment)
    default: return nil
    }
  }

  private static func entry(
    _ environment: [String: String], servers: String, domains: [String]
  ) -> ResolverConfiguration.Entry? {
    let servers = words(environment[servers])
    let domains = domains.lazy.map { words(environment[$0]) }.first { !$0.isEmpty } ?? []
    return ResolverConfiguration.Entry(nameServers: servers, searchDomains: domains)
  }

  /// Collects the values of router advertisements, which are numbered: `nd1_rdnss1_servers`, `nd1_dnssl1_search`.
  private static func advertised(_ environment: [String: String]) -> ResolverConfiguration.Entry {
    let advertised = environment.filter { $0.key.hasPrefix("nd") }.sorted { $0.key < $1.key }
    func values(_ part: String, _ suffix: String) -> [String] {
      advertised.filter { $0.key.contains(part) && $0.key.hasSuffix(suffix) }.flatMap { words($0.value) }
    }
    return ResolverConfiguration.Entry(
      nameServers: values("_rdnss", "_servers"), searchDomains: values("_dnssl", "_search"))
  }

  /// Splits a value into words. Values come from the network, so only words made of the characters of addresses and
  /// domains are accepted.
  private static func words(_ text: String?) -> [String] {
    (text ?? "").split(separator: " ").map(String.init).filter { word in
      word.utf8.count <= 253 && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-:%".contains($0)) }
    }
  }
}
