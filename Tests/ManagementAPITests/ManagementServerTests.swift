import DeviceModel
import ManagementAPI
import Testing

@Suite struct ManagementServerTests {
  private func withServer(
    _ limits: ManagementServer.Limits = .init(), _ body: (Int) throws -> Void
  ) throws {
    let router = Router([Router.Route("GET", "/v1/word") { _ in .json(["word": "slot"]) }])
    let server = try ManagementServer(
      ManagementPlan(addresses: ["127.0.0.1"], port: 0), router: router, limits: limits)
    defer { try? server.stop() }
    try body(try #require(server.port))
  }

  @Test func `a request is answered with JSON`() throws {
    try withServer { port in
      let exchange = try Exchange(port: port, "GET /v1/word?x=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
      #expect(exchange.status == 200)
      #expect(exchange.text.contains("Content-Type: application/json\r\n"))
      #expect(exchange.text.hasSuffix("\r\n\r\n{\"word\":\"slot\"}"))
    }
  }

  @Test func `HEAD is answered without the body, with its length`() throws {
    try withServer { port in
      let exchange = try Exchange(port: port, "HEAD /v1/word HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
      #expect(exchange.status == 200)
      #expect(exchange.text.contains("Content-Length: 15\r\n"))
      #expect(exchange.text.hasSuffix("\r\n\r\n"))
    }
  }

  @Test func `another method is told which there are`() throws {
    try withServer { port in
      let exchange = try Exchange(port: port, "DELETE /v1/word HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
      #expect(exchange.status == 405)
      #expect(exchange.text.contains("Allow: GET, HEAD\r\n"))
    }
  }

  @Test func `an unknown path is not found`() throws {
    try withServer { port in
      let exchange = try Exchange(port: port, "GET /etc/passwd HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
      #expect(exchange.status == 404)
      #expect(exchange.text.contains("\"error\""))
    }
  }

  @Test func `two requests on one connection are answered in order`() throws {
    try withServer { port in
      let exchange = try Exchange(
        port: port,
        "GET /v1/word HTTP/1.1\r\nHost: d\r\n\r\nGET /none HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
      #expect(exchange.text.contains("HTTP/1.1 200 OK"))
      #expect(exchange.text.contains("HTTP/1.1 404 Not Found"))
    }
  }

  @Test func `a body above the limit is refused before it is complete`() throws {
    var limits = ManagementServer.Limits()
    limits.bodyBytes = 100
    try withServer(limits) { port in
      let head = "GET /v1/word HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n"
      let exchange = try Exchange(port: port, head + String(repeating: "x", count: 200))
      #expect(exchange.status == 413)
    }
  }

  @Test func `headers without end are cut off`() throws {
    try withServer { port in
      let line = "X-Filler: \(String(repeating: "x", count: 1000))\r\n"
      let request = "GET /v1/word HTTP/1.1\r\n" + String(repeating: line, count: 200)
      let status = try Exchange(port: port, request).status
      #expect([400, 431, nil].contains(status))
    }
  }

  @Test func `what is not HTTP gets no further`() throws {
    try withServer { port in
      let status = try Exchange(port: port, "\u{1}\u{2}\u{3}\r\n\r\n").status
      #expect([400, nil].contains(status))
    }
  }

  @Test func `a connection without a word is closed`() throws {
    var limits = ManagementServer.Limits()
    limits.idleSeconds = 1
    try withServer(limits) { port in
      let clock = ContinuousClock()
      let time = try clock.measure { _ = try Exchange(port: port, "") }
      #expect(time < .milliseconds(2900))
    }
  }

  @Test func `the status route says when the supervisor does not answer`() {
    let router = Router.management(report: StatusReport(socketPath: "/no/such/socket"))
    let answer = router.answer(APIRequest(method: "GET", path: "/v1/status"))
    #expect(answer.status == 503)
  }
}
