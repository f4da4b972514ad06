import Bundle
import HTTPClient
import BundleDownload
import Foundation
import TestFixtures
import Testing

/// Tests with misbehaving servers. The report has a separate reason for each kind.
@Suite("Web servers that misbehave")
struct MisbehaviourTests {
  private let file = ServedFile(200_000)

  /// Fetches the file from a server whose every answer is wrong, and returns the error.
  private func failure(_ answer: @escaping @Sendable (ScriptedServer.Request) -> [ScriptedServer.Step]) throws -> String
  {
    let server = ScriptedServer { request, _ in answer(request) }
    var patience = DownloadOptions.Patience()
    (patience.attempts, patience.answering, patience.silence) = (2, 1, 1)
    let source = try Fetch.source(server, patience: patience)
    do {
      let bytes = try source.read(200_000, at: 0, upTo: 200_000, part: "head")
      return bytes == file.bytes ? "nothing was wrong" : "wrong bytes"
    } catch {
      return "\(error)".replacingOccurrences(of: server.url, with: "URL")
    }
  }

  @Test("Each kind of wrong answer has its own message")
  func wrongAnswers() throws {
    let file = file
    let lead = "cannot fetch URL, tried 2 times: "
    @Sendable func head(_ range: String, length: Int, more: String = "") -> String {
      "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes \(range)\r\nContent-Length: \(length)\r\n\(more)\r\n"
    }
    let cases: [(String, @Sendable (ScriptedServer.Request) -> [ScriptedServer.Step])] = [
      (
        "the server sends a different range than requested",
        { _ in [.text(head("1-10/200000", length: 10)), .send([UInt8](repeating: 0, count: 10))] }
      ),
      (
        "the server sends a different range than requested",
        { _ in [.text(head("0-9/200000", length: 11)), .send([UInt8](repeating: 0, count: 11))] }
      ),
      (
        "the server sends a different range than requested",
        { _ in [.text(head("0-200000/200001", length: 200_001)), .send([UInt8](repeating: 0, count: 11))] }
      ),
      (
        "the server sends a different range than requested",
        { _ in
          [.text("HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n"), .close]
        }
      ),
      (
        "the server sends the file with a content encoding: gzip",
        { _ in [.text(head("0-199999/200000", length: 200_000, more: "Content-Encoding: gzip\r\n"))] }
      ),
      (
        "the answer is longer than its header says",
        { _ in
          [
            .text("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/200000\r\nTransfer-Encoding: chunked\r\n\r\n"),
            .text("b\r\n01234567890\r\n0\r\n\r\n"),
          ]
        }
      ),
      (
        "the answer is shorter than its header says",
        { request in
          let first = request.range.lowerBound
          return [
            .text(
              "HTTP/1.1 206 Partial\r\nContent-Range: bytes \(first)-\(first + 9)/200000\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
            .text("9\r\n012345678\r\n0\r\n\r\n"),
          ]
        }
      ),
      (
        "the answer ends too early",
        { request in [.text(file.head(request.range)), .send(Array(file.bytes[..<99])), .close] }
      ),
      ("no answer for 1 seconds", { _ in [.pause(3), .close] }),
      ("no answer for 1 seconds", { request in [.text(file.head(request.range)), .send([1, 2]), .pause(3), .close] }),
      // The body, byte by byte.
      (
        "fewer than 4096 bytes came in 1 s",
        { request in
          [.text(file.head(request.range))]
            + file.bytes[request.range].prefix(100).flatMap { [.send([$0]), .pause(0.05)] as [ScriptedServer.Step] }
            + [.close]
        }
      ),
      // The head, byte by byte.
      (
        "no answer for 1 seconds",
        { _ in file.head(0..<100).utf8.flatMap { [.send([$0]), .pause(0.05)] as [ScriptedServer.Step] } + [.close] }
      ),
      (
        "the header of the answer is too long",
        { _ in [.text("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000) + "\r\n\r\n"), .close] }
      ),
      (
        "the header of the answer is too long",
        { _ in
          [
            .text(
              "HTTP/1.1 200 OK\r\n" + (0..<200).map { "X\($0): \(String(repeating: "x", count: 900))\r\n" }.joined()
                + "\r\n")
          ]
        }
      ),
      ("the server closed the connection", { _ in [.close] }),
      (
        "the server refuses a range that the file should have",
        { _ in [.text("HTTP/1.1 416 No\r\nContent-Range: bytes */200000\r\nContent-Length: 0\r\n\r\n")] }
      ),
      ("the server returned status 503", { _ in [.text("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")] }),
    ]
    for (reason, answer) in cases {
      let failure = try failure(answer)
      #expect(failure == lead + reason)
    }
    #expect(
      try failure { _ in [.text("SSH-2.0-OpenSSH\r\n"), .close] }.hasPrefix(lead + "the answer is not valid HTTP"))
  }

  @Test("An unsolicited answer is not taken for the next one")
  func unsolicited() throws {
    let file = file
    let server = ScriptedServer { request, number in
      file.answer(request) + (number == 0 ? file.answer(.init(target: "", fields: ["range": "bytes=0-99"])) : [])
    }
    let source = try Fetch.source(server)
    _ = try source.read(10, at: 0, upTo: 10, part: "head")
    usleep(50_000)
    #expect(try source.read(100, at: 150_000, upTo: 150_100, part: "frames") == Array(file.bytes[150_000..<150_100]))
  }

  @Test("Permanent refusals are reported at once", arguments: [400, 401, 403, 404, 410, 501])
  func refusals(status: UInt) throws {
    let server = ScriptedServer { _, _ in [.text("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n")] }
    #expect(throws: DownloadFailure.status(status, address: server.url)) {
      try Fetch.source(server).read(1, at: 0, upTo: 1, part: "head")
    }
    #expect(server.requests.count == 1)
  }

  @Test("Delays between attempts grow and respect the server's wish; too long a delay ends the attempts")
  func pauses() throws {
    let file = file
    let pauses = Pauses()
    let server = ScriptedServer { request, number in
      switch number {
      case 0...2: [.close]
      case 3: [.text("HTTP/1.1 503 Busy\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n")]
      case 4: [.text("HTTP/1.1 429 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n")]
      case 5: file.answer(request)
      default: [.text("HTTP/1.1 503 Busy\r\nRetry-After: 301\r\nContent-Length: 0\r\n\r\n")]
      }
    }
    let source = try Fetch.source(server, pause: pauses.add)
    _ = try source.read(16_384, at: 0, upTo: 10, part: "head")
    #expect(pauses.all == [1, 2, 4, 77, 16])
    #expect(throws: DownloadFailure.comeAgain(after: 301, address: server.url)) {
      try source.read(1, at: 100_000, upTo: 100_001, part: "frames")
    }
  }

  @Test("A random factor shortens a delay by at most half")
  func jitter() throws {
    let server = ScriptedServer { _, _ in [.close] }
    let pauses = Pauses()
    let source = HTTPBundleSource(try WebAddress(server.url), DownloadOptions(pause: pauses.add, chance: { 0 }))
    #expect(throws: DownloadFailure.self) { try source.read(1, at: 0, upTo: 1, part: "head") }
    #expect(pauses.all == [0.5, 1, 2, 4, 8, 16, 30])
  }

  @Test("A file that is replaced during the download is noticed by tag, time or length", arguments: 0..<4)
  func changed(kind: Int) throws {
    let file = file
    let server = ScriptedServer { request, number in
      var served = file
      var more = ""
      switch kind {
      case 0: served.tag = number == 0 ? "\"one\"" : "\"two\""
      case 1:
        served.tag = nil
        more = "Last-Modified: Sun, 06 Nov 1994 08:49:3\(number) GMT\r\n"
      case 2:
        served.tag = nil
        if number > 0 { served.bytes.append(0) }
      default:
        // Like a server that supports If-Range.
        if number > 0 {
          served.tag = "\"two\""
          return served.whole()
        }
      }
      let range = request.range.clamped(to: 0..<served.bytes.count)
      return [.text(served.head(range, more: more)), .send(Array(served.bytes[range]))]
    }
    let source = try Fetch.source(server)
    _ = try source.read(10, at: 0, upTo: 10, part: "head")
    #expect(throws: DownloadFailure.changed(address: server.url)) {
      try source.read(10, at: 100_000, upTo: 100_010, part: "frames")
    }
  }

  @Test("More than five redirects, or circular ones, are refused")
  func endlessRedirects() throws {
    let server = ScriptedServer { request, _ in
      [.text("HTTP/1.1 302 Found\r\nLocation: \(request.target)x\r\nContent-Length: 0\r\n\r\n")]
    }
    #expect(throws: DownloadFailure.tooManyRedirects(address: server.url)) {
      try Fetch.source(server).read(1, at: 0, upTo: 1, part: "head")
    }
    #expect(server.requests.count == 6)
  }

  @Test("A redirect to another scheme or to an invalid address is refused")
  func badRedirects() throws {
    for target in ["ftp://example.org/x", "file:///etc/passwd", "http://user:word@example.org/", "http:///x"] {
      let server = ScriptedServer { _, _ in
        [.text("HTTP/1.1 302 Found\r\nLocation: \(target)\r\nContent-Length: 0\r\n\r\n")]
      }
      #expect {
        try Fetch.source(server).read(1, at: 0, upTo: 1, part: "head")
      } throws: { if case DownloadFailure.badRedirect = $0 { true } else { false } }
    }
  }

  @Test("If the target of a redirect is gone, the original address is requested again")
  func expiredPlace() throws {
    let file = file
    let server = ScriptedServer { request, number in
      if request.target == "/bundle" {
        return [.text("HTTP/1.1 302 Found\r\nLocation: /\(number)\r\nContent-Length: 0\r\n\r\n")]
      }
      return number > 1 && request.target == "/0"
        ? [.text("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")] : file.answer(request)
    }
    let source = try Fetch.source(server)
    _ = try source.read(10, at: 0, upTo: 10, part: "head")
    #expect(try source.read(9, at: 90_000, upTo: 90_009, part: "frames") == Array(file.bytes[90_000..<90_009]))
    #expect(server.requests.map(\.target) == ["/bundle", "/0", "/0", "/bundle", "/3"])
  }

  @Test("A byte for each attempt does not count as progress")
  func trickle() throws {
    let file = file
    let server = ScriptedServer { request, _ in
      let range = request.range.clamped(to: 0..<file.bytes.count)
      return [.text(file.head(range)), .send([file.bytes[range.lowerBound]]), .close]
    }
    #expect(throws: DownloadFailure.self) { try Fetch.source(server).read(100, at: 0, upTo: 100, part: "head") }
    #expect(server.requests.count == 8)
  }

  /// Records the delays.
  private final class Pauses: @unchecked Sendable {
    private let lock = NSLock()
    private var seconds: [Double] = []
    var all: [Double] { lock.withLock { seconds } }
    @Sendable func add(_ pause: Double) { lock.withLock { seconds.append(pause) } }
  }
}
