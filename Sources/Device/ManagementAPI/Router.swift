import LinuxSystem

/// Finds who answers a request.
public struct Router: Sendable {
  /// One thing that can be asked for. Its work is done on a thread of its own, and may wait.
  public struct Route: Sendable {
    /// What is done for a request.
    public enum Work: Sendable {
      /// An answer is made, once the body is there.
      case answer(@Sendable (APIRequest) -> APIResponse)
      /// An answer is made from the body while it comes, of any length, by the descriptor that it can be read from. A client that waits
      /// for a word before it sends the body gets it when the work calls the last argument.
      case take(@Sendable (APIRequest, Descriptor, @escaping @Sendable () -> Void) -> APIResponse)
      /// Events are sent for as long as the other side listens.
      case follow(@Sendable (APIRequest, EventStream) throws -> Void)
    }

    let method: String
    let path: String
    let work: Work

    /// Makes a route.
    ///
    /// - Parameters:
    ///   - method: For `GET`, requests with `HEAD` are answered as well, without the body.
    ///   - path: The whole path.
    public init(_ method: String, _ path: String, _ work: Work) {
      self.method = method
      self.path = path
      self.work = work
    }

    /// Makes a route whose answer needs no more than the request.
    public init(_ method: String, _ path: String, answer: @escaping @Sendable (APIRequest) -> APIResponse) {
      self.init(method, path, .answer(answer))
    }
  }

  private let routes: [Route]

  /// Makes a router.
  public init(_ routes: [Route]) {
    self.routes = routes
  }

  /// The route for a request.
  ///
  /// - Throws: The answer that says why there is none.
  func route(for request: APIRequest) throws(APIResponse) -> Route {
    let here = routes.filter { $0.path == request.path }
    if here.isEmpty { throw .error(404, "there is nothing at \(request.path)") }
    let method = request.method == "HEAD" ? "GET" : request.method
    guard let route = here.first(where: { $0.method == method }) else {
      let allowed = here.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }.joined(separator: ", ")
      throw .error(405, "\(request.path) does not take \(request.method)", headers: ["Allow": allowed])
    }
    return route
  }
}
