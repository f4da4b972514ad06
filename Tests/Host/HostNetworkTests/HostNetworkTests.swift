import BundleDownload
import DeviceFixtures
import DeviceModel
import Foundation
import HTTPClient
import Hashing
import HostNetwork
import ManagementAPI
import RemoteDevice
import TestFixtures
import Testing

@Suite("The build host's network")
struct HostNetworkTests {
  private func proxy(_ url: String, _ environment: [String: String]) throws -> String? {
    let route = try HostNetwork(environment).route(to: try WebAddress(url).origin)
    return route.proxy.map { "\($0.host):\($0.port)" }
  }

  @Test("Each kind of URL has its own variable, in lower or upper case")
  func variables() throws {
    let environment = ["http_proxy": "http://127.0.0.1:3128/", "HTTPS_PROXY": "127.0.0.2", "HTTP_PROXY": "ignored:1"]
    #expect(try proxy("http://a.example/", environment) == "127.0.0.1:3128")
    #expect(try proxy("https://a.example/", environment) == "127.0.0.2:80")
    #expect(try proxy("https://192.0.2.7/", ["https_proxy": "http://[::1]:8080"]) == "::1:8080")
    #expect(try proxy("https://192.0.2.7/", ["https_proxy": " ", "http_proxy": "127.0.0.1:1"]) == nil)
    #expect(try proxy("https://192.0.2.7/", ["https_proxy": "", "HTTPS_PROXY": "127.0.0.1:1"]) == nil)
  }

  @Test(
    "Servers in no_proxy, and this machine itself, have no proxy",
    arguments: [
      ("192.0.2.7", "*", false), ("192.0.2.7", "192.0.2.7", false), ("192.0.2.7", "198.51.100.1, 192.0.2.0/24", false),
      ("192.0.3.7", "192.0.2.0/24", true), ("192.0.2.7:8443", "192.0.2.7:443", true),
      ("192.0.2.7:8443", "192.0.2.7:8443", false), ("[2001:db8::7]", "2001:db8::/32", false),
      ("[2001:db8::7]:1", "[2001:db8::7]:1", false), ("[2001:db9::7]", "2001:db8::/32", true),
      ("localhost", "", false), ("127.0.0.9", "", false), ("[::1]", "", false), ("192.0.2.7", "2.7 .example", true),
    ])
  func exceptions(host: String, except: String, isProxied: Bool) throws {
    for name in ["no_proxy", "NO_PROXY"] {
      let environment = ["https_proxy": "127.0.0.1:1", name: except]
      #expect((try proxy("https://\(host)/", environment) != nil) == isProxied)
    }
  }

  @Test("Domains in no_proxy include the names below them, and no others")
  func domains() throws {
    for entry in ["example.invalid", ".example.invalid", "*.example.invalid", "Example.Invalid"] {
      let network = try HostNetwork(["https_proxy": "127.0.0.1:1", "no_proxy": entry])
      for name in ["example.invalid", "a.example.invalid"] {
        // Without a proxy the name is resolved here, and this one does not exist.
        #expect {
          try network.route(to: WebAddress.Origin(isSecure: true, host: name, port: 443))
        } throws: { "\($0)".hasPrefix("the name '\(name)' cannot be resolved: ") }
      }
      let other = WebAddress.Origin(isSecure: true, host: "anexample.invalid", port: 443)
      #expect(try network.route(to: other).proxy != nil)
    }
  }

  @Test("A proxy that cannot be used is reported by its variable, without its password")
  func malformed() throws {
    for text in ["https://user:secret@proxy:1", "socks5://proxy", "proxy:x", "http://"] {
      let failure = #expect(throws: ProxyFailure.self) { try HostNetwork(["https_proxy": text]) }
      #expect(failure?.problem == "https_proxy in the environment is not the address of an HTTP proxy")
      #expect(failure?.description.contains("secret") == false)
    }
  }

  @Test("Names are resolved by the system")
  func systemNames() throws {
    let route = try HostNetwork([:]).route(to: WebAddress.Origin(isSecure: false, host: "localhost", port: 80))
    #expect(route.addresses.contains { $0.ipAddress == "127.0.0.1" && $0.port == 80 })
  }

  // MARK: A proxy

  /// The name is never resolved here, so a request that arrives came through the proxy.
  private static let device = DeviceAddress(host: "device.invalid", port: 8443)

  @Test("A device is updated through a tunnel of the proxy, and its certificate is still verified")
  func tunnel() async throws {
    let updater = try UpdaterDouble()
    let folder = try TemporaryFolder()
    let device = try LoopbackDevice(
      in: folder.path, router: .management(updates: UpdateRoutes(socketPath: updater.path)))
    defer {
      device.stop()
      updater.stop()
    }
    let authorization = "Basic \(Data("user:p@ss".utf8).base64EncodedString())"
    let proxy = try LoopbackProxy(to: device.port, requiring: authorization)
    let network = try HostNetwork(["https_proxy": "http://user:p%40ss@127.0.0.1:\(proxy.port)"])
    let token = try #require(BearerToken(LoopbackDevice.token))
    let remote = RemoteDevice(
      Self.device, fingerprint: device.certificate.fingerprint, token: token, network: network)
    #expect(try await remote.updateStatus() == updater.status)
    let bundle = try URL(fileURLWithPath: folder.path).writing([UInt8](repeating: 7, count: 900_000), to: "b.bundle")
    #expect(try await remote.install(bundle) == updater.record)
    #expect(updater.bundleBytes == 900_000)
    #expect(try proxy.requests() == ["CONNECT device.invalid:8443 HTTP/1.1", "CONNECT device.invalid:8443 HTTP/1.1"])

    let other = try #require(Digest([UInt8](repeating: 1, count: 32)))
    let known = device.certificate.fingerprint
    await #expect(throws: RemoteFailure.otherCertificate(Self.device, known: other, found: known)) {
      try await RemoteDevice(Self.device, fingerprint: other, token: token, network: network).updateStatus()
    }
  }

  @Test("The reason why a proxy opens no tunnel is reported")
  func refusal() async throws {
    let proxy = try LoopbackProxy(to: 1, requiring: "Basic x")
    let network = try HostNetwork(["https_proxy": "127.0.0.1:\(proxy.port)"])
    let reason = "the proxy 127.0.0.1:\(proxy.port) refuses a connection to device.invalid:8443 with status 407"
    await #expect(throws: RemoteFailure.notReachable(Self.device, reason: reason)) {
      try await RemoteDevice.presentedFingerprint(at: Self.device, network: network)
    }
    let silent = try HostNetwork(["https_proxy": "127.0.0.1:1"])
    await #expect(throws: RemoteFailure.notReachable(Self.device, reason: "Connection refused")) {
      try await RemoteDevice.presentedFingerprint(at: Self.device, network: silent)
    }
  }

  @Test("A bundle is fetched through the proxy")
  func fetching() throws {
    let folder = try TemporaryFolder()
    let server = try LoopbackServer(in: URL(fileURLWithPath: folder.path))
    try server.site.writing("abcdefgh", to: "x.bundle")
    let proxy = try LoopbackProxy(to: try #require(server.url.split(separator: ":").last.flatMap { Int($0) }))
    let network = try HostNetwork(["HTTP_PROXY": "http://127.0.0.1:\(proxy.port)"])
    let source = HTTPBundleSource(
      try WebAddress("http://bundles.invalid/x.bundle"), DownloadOptions(route: network.route))
    #expect(try source.all(atMost: 100) == Array("abcdefgh".utf8))
    #expect(try proxy.requests() == ["GET http://bundles.invalid/x.bundle HTTP/1.1"])
    #expect(try server.requests() == ["/x.bundle"])
  }
}
