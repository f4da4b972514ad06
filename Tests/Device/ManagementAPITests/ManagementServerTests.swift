import DeviceFixtures
import DeviceModel
import Foundation
import Glibc
import Hashing
import ManagementAPI
import NIOCore
import TestFixtures
import Testing

@Suite struct ManagementServerTests {
  private func withServer(
    _ limits: ManagementServer.Limits = .init(), _ body: (LoopbackDevice) throws -> Void
  ) throws {
    let folder = try TemporaryFolder()
    let router = Router([Router.Route("GET", "/v1/word") { _ in .json(["word": "slot"]) }])
    let device = try LoopbackDevice(in: folder.path, router: router, limits: limits)
    defer { device.stop() }
    try body(device)
  }

  /// Limits without a delay after a wrong token.
  private static var quick: ManagementServer.Limits {
    var limits = ManagementServer.Limits()
    limits.pauseAfterWrongToken = .zero
    return limits
  }

  @Test func `a request is answered with JSON`() throws {
    try withServer { device in
      let exchange = try Exchange(port: device.port, Exchange.request("GET /v1/word?x=1"))
      #expect(exchange.status == 200)
      #expect(exchange.text.contains("Content-Type: application/json\r\n"))
      #expect(exchange.text.hasSuffix("\r\n\r\n{\"word\":\"slot\"}"))
    }
  }

  @Test func `HEAD is answered without the body, with its length`() throws {
    try withServer { device in
      let exchange = try Exchange(port: device.port, Exchange.request("HEAD /v1/word"))
      #expect(exchange.status == 200)
      #expect(exchange.text.contains("Content-Length: 15\r\n"))
      #expect(exchange.text.hasSuffix("\r\n\r\n"))
    }
  }

  @Test func `another method is told which there are`() throws {
    try withServer { device in
      let exchange = try Exchange(port: device.port, Exchange.request("DELETE /v1/word"))
      #expect(exchange.status == 405)
      #expect(exchange.text.contains("Allow: GET, HEAD\r\n"))
    }
  }

  @Test func `an unknown path is not found`() throws {
    try withServer { device in
      let answer = try Curl(device, "/etc/passwd")
      #expect(answer.status == 404)
      #expect(answer.body.contains("\"error\""))
    }
  }

  @Test func `two requests on one connection are answered in order`() throws {
    try withServer { device in
      let exchange = try Exchange(
        port: device.port, Exchange.request("GET /v1/word", closing: false) + Exchange.request("GET /none"))
      #expect(exchange.text.contains("HTTP/1.1 200 OK"))
      #expect(exchange.text.contains("HTTP/1.1 404 Not Found"))
    }
  }

  @Test func `a body above the limit is refused before it is complete`() throws {
    var limits = ManagementServer.Limits()
    limits.bodyBytes = 100
    try withServer(limits) { device in
      let request = Exchange.request(
        "GET /v1/word", fields: ["Content-Length: 1000000"], body: String(repeating: "x", count: 200))
      let exchange = try Exchange(port: device.port, request)
      #expect(exchange.status == 413)
    }
  }

  @Test func `headers without end are cut off`() throws {
    try withServer { device in
      let line = "X-Filler: \(String(repeating: "x", count: 1000))\r\n"
      let request = "GET /v1/word HTTP/1.1\r\n" + String(repeating: line, count: 200)
      let status = try Exchange(port: device.port, request).status
      #expect([400, 431, nil].contains(status))
    }
  }

  @Test func `what is not HTTP gets no further`() throws {
    try withServer { device in
      let status = try Exchange(port: device.port, "\u{1}\u{2}\u{3}\r\n\r\n").status
      #expect([400, nil].contains(status))
    }
  }

  @Test func `a connection without a request is closed, also where a byte comes now and then`() throws {
    var limits = ManagementServer.Limits()
    limits.authenticationSeconds = 1
    try withServer(limits) { device in
      let clock = ContinuousClock()
      let silent = try clock.measure { _ = try Exchange(port: device.port, "") }
      #expect(silent < .seconds(3))
      let trickle = "for n in $(seq 20); do printf G; sleep 0.3; done | openssl s_client -quiet -connect 127.0.0.1:$0"
      let time = try clock.measure {
        _ = try Judge("timeout").run(["10", "bash", "-c", "exec 3< <(\(trickle)); wait $!; :", "\(device.port)"])
      }
      #expect(time < .seconds(8))
    }
  }

  // MARK: Misbehaving clients

  /// Runs a closure while a number of connections are open that send nothing.
  private func withSilentConnections(
    _ count: Int, to port: Int, _ body: () throws -> Void
  ) throws {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    for _ in 0..<count {
      let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
      let isConnected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      #expect(isConnected)
      sockets.append(number)
    }
    try body()
  }

  @Test func `seventy connections without a token keep nobody with one away`() throws {
    try withServer { device in
      try withSilentConnections(70, to: device.port) {
        for _ in 0..<5 {
          let answer = try Curl(device, "/v1/word")
          #expect(answer.status == 200)
        }
      }
    }
  }

  @Test func `who does not show the token within its time is gone, and who has shown it stays`() throws {
    var limits = ManagementServer.Limits()
    limits.authenticationSeconds = 1
    try withServer(limits) { device in
      let time = try ContinuousClock().measure { _ = try Exchange(port: device.port, "GET /v1/word HTTP/1.1\r\n") }
      #expect(time < .seconds(4))
      let requests = Exchange.request("GET /v1/word", closing: false)
      let kept =
        "(printf '%s' \"$1\"; sleep 3; printf '%s' \"$1\"; sleep 1) "
        + "| openssl s_client -quiet -connect 127.0.0.1:$0"
      let verdict = try Judge("timeout").run(["15", "bash", "-c", kept, "\(device.port)", requests])
      #expect(verdict.output.components(separatedBy: "200 OK").count == 3, "\(verdict.output)")
    }
  }

  @Test func `where all have shown the token, another one is closed`() throws {
    var limits = ManagementServer.Limits()
    (limits.connections, limits.connectionsPerAddress) = (2, 2)
    try withServer(limits) { device in
      let request = Exchange.request("GET /v1/word", closing: false)
      let holding = "(printf '%s' \"$1\"; sleep 4) | openssl s_client -quiet -connect 127.0.0.1:$0 > /dev/null 2>&1"
      let script =
        "{ \(holding); } & { \(holding); } & sleep 2; "
        + "curl -sk --max-time 5 -o /dev/null -w '%{http_code}' -H \"$2\" https://127.0.0.1:$0/v1/word; wait"
      let verdict = try Judge("bash").run([
        "-c", script, "\(device.port)", request, "Authorization: Bearer \(LoopbackDevice.token)",
      ])
      #expect(verdict.output == "000")
      let answer = try Curl(device, "/v1/word")
      #expect(answer.status == 200)
    }
  }

  // MARK: Access

  @Test func `nothing answers without the token, not even that there is nothing`() throws {
    try withServer(Self.quick) { device in
      for path in ["/v1/word", "/none"] {
        for token in [nil, "let-me-in ", "let-me-i", "LET-ME-IN", ""] {
          let answer = try Curl(device, path, token: token)
          #expect(answer.status == 401 && !answer.body.contains("slot"), "\(path) with \(token ?? "no token")")
        }
        #expect(try Curl(device, path, ["-H", "Authorization: Basic let-me-in"], token: nil).status == 401)
      }
      #expect(try Curl(device, "/v1/word").status == 200)
    }
  }

  @Test func `a wrong token is answered late, the right one at once`() throws {
    try withServer { device in
      let clock = ContinuousClock()
      let late = try clock.measure { _ = try Curl(device, "/v1/word", token: "wrong") }
      let atOnce = try clock.measure { _ = try Curl(device, "/v1/word") }
      #expect(late > .seconds(1) && atOnce < .seconds(1))
    }
  }

  @Test func `plain HTTP is no answer`() throws {
    try withServer { device in
      let verdict = try Judge("curl").run(
        [
          "--silent", "--max-time", "5", "-H", "Authorization: Bearer let-me-in",
          "http://127.0.0.1:\(device.port)/v1/word",
        ])
      #expect(verdict.status != 0 && !verdict.output.contains("slot"))
    }
  }

  @Test(arguments: ["-tls1_1", "-tls1_2", "-tls1_3"])
  func `TLS is spoken from version 1_2 on`(version: String) throws {
    try withServer { device in
      let exchange = try Exchange(
        port: device.port, Exchange.request("GET /v1/word"), [version, "-cipher", "DEFAULT@SECLEVEL=0"])
      #expect(exchange.text.contains("{\"word\":\"slot\"}") == (version != "-tls1_1"))
    }
  }

  // MARK: Certificate

  @Test func `the fingerprint is the one that OpenSSL finds, and stays`() throws {
    let folder = try TemporaryFolder()
    let first = try DeviceCertificate(in: folder.path, name: "0123")
    let again = try DeviceCertificate(in: folder.path, name: "other")
    #expect(first.isNew && !again.isNew && first.fingerprint == again.fingerprint)
    #expect(DeviceCertificate.fingerprint(in: folder.path) == first.fingerprint)

    let file = folder.path + "/certificate.pem"
    let openssl = try Judge("openssl")
    let fingerprint = try openssl.run(["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]).output
    let digits = fingerprint.split(separator: "=").last.map(String.init)?.trimmingCharacters(
      in: .whitespacesAndNewlines)
    let judged = digits.flatMap(Digest.init(fingerprint:))
    #expect(judged == first.fingerprint)
    let text = try openssl.run(["x509", "-in", file, "-noout", "-text"]).output
    #expect(text.contains("ASN1 OID: prime256v1") && text.contains("CN = 0123") || text.contains("CN=0123"))
    #expect(try openssl.run(["verify", "-CAfile", file, "-check_ss_sig", file]).status == 0)
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `a certificate that cannot be read is replaced`() throws {
    let folder = try TemporaryFolder()
    let first = try DeviceCertificate(in: folder.path, name: "test")
    try URL(fileURLWithPath: folder.path).writing("half of i", to: "certificate.pem")
    let second = try DeviceCertificate(in: folder.path, name: "test")
    #expect(second.isNew && second.fingerprint != first.fingerprint)
  }

  @Test func `the status route says when the supervisor does not answer`() throws {
    let folder = try TemporaryFolder()
    let device = try LoopbackDevice(
      in: folder.path, router: .management(report: StatusReport(socketPath: "/no/such/socket")))
    defer { device.stop() }
    #expect(try Curl(device, "/v1/status").status == 503)
  }

  @Test func `the status of a system has what systemd says, and no programs`() throws {
    let image = ImageIdentity(
      project: "p", image: "server", deviceClass: "generic-x86_64", version: "1.0", build: "00")
    let status = try StatusReport(system: image).make()
    #expect(status.image == image && status.programs.isEmpty && status.system != nil)
    let text = String(decoding: try JSONEncoder().encode(status), as: UTF8.self)
    #expect(text.contains(#""system":{"#))
  }
}
