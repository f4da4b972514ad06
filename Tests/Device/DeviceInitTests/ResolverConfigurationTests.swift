import DeviceInit
import LinuxSystem
import Testing
import TestFixtures

@Suite struct ResolverConfigurationTests {
  @Test func `sources are merged, and one that ends takes its servers with it`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/resolv.conf"
    let configuration = ResolverConfiguration(folder: folder.path + "/dns", path: path)
    try configuration.set("~image", to: .init(nameServers: ["192.0.2.1"]))
    try configuration.set("eth0.dhcp", to: .init(nameServers: ["10.0.2.3", "192.0.2.1"], searchDomains: ["lan"]))
    #expect(FileTree.line(path) == "search lan\nnameserver 10.0.2.3\nnameserver 192.0.2.1")
    try configuration.set("eth0.dhcp", to: nil)
    #expect(FileTree.line(path) == "nameserver 192.0.2.1")
  }

  @Test func `a source's name cannot leave the folder`() throws {
    let folder = try TemporaryFolder()
    let configuration = ResolverConfiguration(folder: folder.path + "/dns", path: folder.path + "/resolv.conf")
    try configuration.set("../../x", to: .init(nameServers: ["192.0.2.1"]))
    #expect(FileTree.names(in: folder.path) == ["dns", "resolv.conf"])
  }

  @Test func `a lease brings servers and a domain`() {
    let hook = DHCPHook(environment: [
      "reason": "BOUND", "interface": "eth0", "new_domain_name_servers": "10.0.2.3 10.0.2.4",
      "new_domain_name": "example.org",
    ])
    #expect(hook?.source == "eth0.dhcp")
    #expect(hook?.entry == .init(nameServers: ["10.0.2.3", "10.0.2.4"], searchDomains: ["example.org"]))
  }

  @Test func `router advertisements come numbered`() {
    let hook = DHCPHook(environment: [
      "reason": "ROUTERADVERT", "interface": "eth0", "nd1_rdnss1_servers": "fe80::1 2001:db8::1",
      "nd1_dnssl1_search": "lan",
    ])
    #expect(hook?.entry == .init(nameServers: ["fe80::1", "2001:db8::1"], searchDomains: ["lan"]))
  }

  @Test func `a lease that ends takes its servers away`() {
    let hook = DHCPHook(environment: ["reason": "EXPIRE", "interface": "eth0"])
    #expect(hook?.source == "eth0.dhcp")
    #expect(hook?.entry == nil)
  }

  @Test func `line ends from the network do not get into the file`() {
    let hook = DHCPHook(environment: [
      "reason": "BOUND", "interface": "eth0", "new_domain_name_servers": "10.0.2.3",
      "new_domain_name": "a\nnameserver 6.6.6.6 lan",
    ])
    #expect(hook?.entry?.searchDomains == ["lan"] || hook?.entry?.searchDomains == ["6.6.6.6", "lan"])
  }
}
