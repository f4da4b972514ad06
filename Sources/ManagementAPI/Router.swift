import FoundationEssentials

/// What a request asks for, as far as routes look at it.
public struct APIRequest: Sendable {
  /// `GET`, `POST` …
  public var method: String
  /// The path without its query.
  public var path: String

  /// Makes a request.
  public init(method: String, path: String) {
    self.method = method
    self.path = path
  }
}

/// An answer of the API; its body is JSON.
public struct APIResponse: Sendable, Equatable {
  /// HTTP status code.
  public var status: Int
  /// Header fields besides those that the server sets itself.
  public var headers: [String: String]
  /// The JSON text.
  public var body: [UInt8]

  /// The value as JSON.
  public static func json(_ value: some Encodable, status: Int = 200, headers: [String: String] = [:]) -> APIResponse {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let body = try? encoder.encode(value) else {
      return APIResponse(status: 500, headers: headers, body: Array(#"{"error":"the answer cannot be written"}"#.utf8))
    }
    return APIResponse(status: status, headers: headers, body: Array(body))
  }

  /// An error, with its reason as a sentence.
  public static func error(_ status: Int, _ reason: String, headers: [String: String] = [:]) -> APIResponse {
    .json(["error": reason], status: status, headers: headers)
  }
}

/// Finds who answers a request.
public struct Router: Sendable {
  /// One thing that can be asked for.
  public struct Route: Sendable {
    let method: String
    let path: String
    let answer: @Sendable (APIRequest) -> APIResponse

    /// Makes a route.
    ///
    /// - Parameters:
    ///   - method: `GET`; requests with `HEAD` are answered as well, without the body.
    ///   - path: the whole path.
    ///   - answer: makes the answer. It may wait.
    public init(_ method: String, _ path: String, answer: @escaping @Sendable (APIRequest) -> APIResponse) {
      self.method = method
      self.path = path
      self.answer = answer
    }
  }

  private let routes: [Route]

  /// Makes a router.
  public init(_ routes: [Route]) {
    self.routes = routes
  }

  /// The answer to a request: of the route for it, or why there is none.
  public func answer(_ request: APIRequest) -> APIResponse {
    let here = routes.filter { $0.path == request.path }
    if here.isEmpty { return .error(404, "there is nothing at \(request.path)") }
    let method = request.method == "HEAD" ? "GET" : request.method
    guard let route = here.first(where: { $0.method == method }) else {
      let allowed = here.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }.joined(separator: ", ")
      return .error(405, "\(request.path) does not take \(request.method)", headers: ["Allow": allowed])
    }
    return route.answer(request)
  }
}

extension Router {
  /// The routes of the management API.
  public static func management(report: StatusReport = StatusReport()) -> Router {
    Router([
      Route("GET", "/v1/status") { _ in
        do {
          return .json(try report.make())
        } catch {
          return .error(503, "\(error)")
        }
      }
    ])
  }
}
