import LinuxSystem

/// Finds the route for a request.
public struct Router: Sendable {
  /// One request that the API answers. Its work runs on a separate thread, and may block.
  public struct Route: Sendable {
    /// The work for a request.
    public enum Work: Sendable {
      /// Makes an answer once the body is complete.
      case answer(@Sendable (APIRequest) -> APIResponse)
      /// Makes an answer while it reads the body from the descriptor; the body can have any length. The last argument
      /// sends "100 Continue" to a client that waits for it.
      case take(@Sendable (APIRequest, Descriptor, @escaping @Sendable () -> Void) -> APIResponse)
      /// Sends events until the client closes the connection.
      case follow(@Sendable (APIRequest, EventStream) throws -> Void)
    }

    let method: String
    let path: String
    let work: Work

    /// - Parameters:
    ///   - method: The method. `GET` also answers `HEAD` requests, without the body.
    ///   - path: The whole path.
    public init(_ method: String, _ path: String, _ work: Work) {
      self.method = method
      self.path = path
      self.work = work
    }

    /// Makes a route whose answer depends only on the request.
    public init(_ method: String, _ path: String, answer: @escaping @Sendable (APIRequest) -> APIResponse) {
      self.init(method, path, .answer(answer))
    }
  }

  private let routes: [Route]

  public init(_ routes: [Route]) {
    self.routes = routes
  }

  /// Returns the route for a request.
  ///
  /// - Throws: An error answer if there is no such route.
  func route(for request: APIRequest) throws(APIResponse) -> Route {
    let here = routes.filter { $0.path == request.path }
    if here.isEmpty { throw .error(404, "there is nothing at \(request.path)") }
    let method = request.method == "HEAD" ? "GET" : request.method
    guard let route = here.first(where: { $0.method == method }) else {
      let allowed = here.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }.joined(separator: ", ")
      throw .error(405, "\(request.path) does not accept \(request.method)", headers: ["Allow": allowed])
    }
    return route
  }
}
