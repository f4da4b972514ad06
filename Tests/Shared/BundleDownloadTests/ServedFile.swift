import TestFixtures

/// A file as delivered by servers.
struct ServedFile: Sendable {
  var bytes: [UInt8]
  var tag: String? = "\"one\""

  /// Makes random bytes, the same for the same seed.
  init(_ count: Int, seed: UInt64 = 1) {
    var state = seed | 1
    bytes = (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
  }

  private var tagField: String { tag.map { "ETag: \($0)\r\n" } ?? "" }

  /// Returns the head of a correct answer with a range.
  func head(_ range: Range<Int>, more: String = "") -> String {
    """
    HTTP/1.1 206 Partial Content\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)\r
    Content-Length: \(range.count)\r\n\(tagField)\(more)\r\n
    """
  }

  /// Returns a correct answer.
  func answer(_ request: ScriptedServer.Request) -> [ScriptedServer.Step] {
    let range = request.range.clamped(to: 0..<bytes.count)
    guard !range.isEmpty else {
      return [
        .text(
          "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */\(bytes.count)\r\nContent-Length: 0\r\n\r\n")
      ]
    }
    return [.text(head(range)), .send(Array(bytes[range]))]
  }

  /// Returns the answer of a server without range requests.
  func whole() -> [ScriptedServer.Step] {
    [.text("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\(tagField)\r\n"), .send(bytes)]
  }
}
