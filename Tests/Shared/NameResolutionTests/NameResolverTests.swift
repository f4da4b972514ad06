import Foundation
import Glibc
import NameResolution
import TestFixtures
import Testing

/// Tests with dnsmasq, a real name server.
@Suite("Addresses of hosts")
struct NameResolverTests {
  @Test(
    "A real name server returns both kinds of addresses, through aliases and search domains, over TCP if they are many"
  )
  func realServer() async throws {
    try await withTemporaryFolder { folder in
      let many = (1...100).map { "--host-record=many.example.org,192.0.2.\($0)" }
      let server = try NameServer(
        in: folder,
        [
          "--host-record=one.example.org,192.0.2.7,2001:db8::7", "--cname=alias.example.org,one.example.org",
          "--host-record=short.lab.example.org,192.0.2.8",
        ] + many)
      let resolver = try server.resolver(search: "lab.example.org")
      #expect(try resolver.addresses(of: "one.example.org") == ["192.0.2.7", "2001:db8::7"])
      #expect(try resolver.addresses(of: "ONE.example.org.") == ["192.0.2.7", "2001:db8::7"])
      #expect(try resolver.addresses(of: "alias.example.org") == ["192.0.2.7", "2001:db8::7"])
      #expect(try resolver.addresses(of: "short") == ["192.0.2.8"])
      #expect(Set(try resolver.addresses(of: "many.example.org")).count == 100)
      #expect(throws: NameResolver.Failure.unknown("none.example.org")) {
        try resolver.addresses(of: "none.example.org")
      }
    }
  }

  @Test("Addresses and names in the hosts file need no server")
  func noServer() async throws {
    try await withTemporaryFolder { folder in
      let hosts = try folder.writing(
        "# 1.2.3.4 no\n127.0.0.1 localhost me # you\n::1\tlocalhost\nx broken\n", to: "hosts"
      ).path
      let resolver = NameResolver(hosts: hosts, configuration: folder.path + "/none")
      #expect(try resolver.addresses(of: "192.0.2.1") == ["192.0.2.1"])
      #expect(try resolver.addresses(of: "2001:db8::1") == ["2001:db8::1"])
      #expect(try resolver.addresses(of: "LocalHost") == ["127.0.0.1", "::1"])
      for name in ["you", "broken", "no"] {
        #expect(throws: NameResolver.Failure.noServers(name, configuration: folder.path + "/none")) {
          try resolver.addresses(of: name)
        }
      }
    }
  }

  @Test("An unavailable server is skipped; if none answers, the error has the last server's failure")
  func silentServers() async throws {
    try await withTemporaryFolder { folder in
      let server = try NameServer(in: folder, ["--host-record=one.example.org,192.0.2.7"])
      // No server listens on this address.
      let resolver = try server.resolver(before: "127.0.0.9")
      #expect(try resolver.addresses(of: "one.example.org") == ["192.0.2.7"])
      let configuration = try folder.writing("nameserver 127.0.0.9\n", to: "alone").path
      let alone = NameResolver(hosts: "/dev/null", configuration: configuration, port: server.port, timeout: 200)
      #expect {
        try alone.addresses(of: "one.example.org")
      } throws: { "\($0)".hasPrefix("cannot look up 'one.example.org': 127.0.0.9: ") }
    }
  }

  @Test("An invalid name is not sent to a server", arguments: ["a..b", String(repeating: "x", count: 64), ""])
  func impossible(name: String) async throws {
    try await withTemporaryFolder { folder in
      let configuration = try folder.writing("nameserver 127.0.0.9\n", to: "resolv.conf").path
      let resolver = NameResolver(hosts: "/dev/null", configuration: configuration)
      #expect(throws: NameResolver.Failure.notAName(name)) { try resolver.addresses(of: name) }
    }
  }
}

/// dnsmasq on the loopback address. It stops when this object is released.
private final class NameServer {
  let port: UInt16
  private let folder: URL
  private let running: Running

  init(in folder: URL, _ records: [String]) throws {
    self.folder = folder
    port = UInt16.random(in: 20_000...29_999)
    running = try Running(
      URL(fileURLWithPath: "/usr/sbin/dnsmasq"),
      [
        "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--user=root", "--pid-file=", "--local=/example.org/", "--port=\(port)",
      ] + records)
    usleep(300_000)
  }

  deinit {
    kill(running.id, SIGKILL)
    _ = try? running.wait()
  }

  func resolver(search: String? = nil, before: String? = nil) throws -> NameResolver {
    let lines = [before.map { "nameserver \($0)" }, "nameserver 127.0.0.1", search.map { "search \($0)" }].compactMap(
      \.self)
    let file = try folder.writing(lines.joined(separator: "\n"), to: "resolv.conf")
    return NameResolver(hosts: "/dev/null", configuration: file.path, port: port, timeout: 2000)
  }
}
