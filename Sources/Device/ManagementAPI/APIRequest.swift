import FoundationEssentials

/// What a request asks for, as far as routes look at it.
public struct APIRequest: Sendable {
  /// `GET`, `POST` …
  public var method: String
  /// The path without its query.
  public var path: String
  /// What stands behind the path: `?restart=no&force=1`. Values are words; nothing in them is encoded.
  public var query: [String: String]
  /// The body, where the route collects it.
  public var body: [UInt8] = []

  /// Makes a request of its target (RFC 9112, section 3.2.1).
  public init(method: String, target: String) {
    self.method = method
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = [:]
    for pair in parts.dropFirst().joined().split(separator: "&") {
      let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[String(words[0])] = words.count > 1 ? String(words[1]) : ""
    }
  }
}

/// An answer of the API; its body is JSON.
public struct APIResponse: Error, Equatable {
  /// HTTP status code.
  public var status: Int
  /// Header fields besides those that the server sets itself.
  public var headers: [String: String]
  /// The JSON text.
  public var body: [UInt8]

  /// The value as JSON.
  public static func json(_ value: some Encodable, status: Int = 200, headers: [String: String] = [:]) -> APIResponse {
    guard let body = try? APIText.bytes(of: value) else {
      return APIResponse(status: 500, headers: headers, body: Array(#"{"error":"the answer cannot be written"}"#.utf8))
    }
    return APIResponse(status: status, headers: headers, body: body)
  }

  /// An error, with its reason as a sentence.
  public static func error(_ status: Int, _ reason: String, headers: [String: String] = [:]) -> APIResponse {
    .json(["error": reason], status: status, headers: headers)
  }
}

/// How the API writes values.
enum APIText {
  /// The value as JSON, in one line, its keys sorted.
  static func bytes(of value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}
