import FoundationEssentials

/// The parts of a request that routes use.
public struct APIRequest: Sendable {
  /// The method: `GET`, `POST` …
  public var method: String
  /// The path without its query.
  public var path: String
  /// The query: `?restart=no&force=1`. Values are plain words without encoding.
  public var query: [String: String]
  /// The body, if the route collects it.
  public var body: [UInt8] = []

  /// Parses the target of a request (RFC 9112, section 3.2.1).
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
  /// Header fields in addition to those of the server.
  public var headers: [String: String]
  /// The JSON text.
  public var body: [UInt8]

  /// Returns an answer with the value as JSON.
  public static func json(_ value: some Encodable, status: Int = 200, headers: [String: String] = [:]) -> APIResponse {
    guard let body = try? APIText.bytes(of: value) else {
      return APIResponse(status: 500, headers: headers, body: Array(#"{"error":"cannot encode the response"}"#.utf8))
    }
    return APIResponse(status: status, headers: headers, body: body)
  }

  /// Returns an error, with its reason as a sentence.
  public static func error(_ status: Int, _ reason: String, headers: [String: String] = [:]) -> APIResponse {
    .json(["error": reason], status: status, headers: headers)
  }
}

/// The encoding of the API's values.
enum APIText {
  /// Encodes the value as JSON on one line, with sorted keys.
  static func bytes(of value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}
