import DeviceModel
import FoundationEssentials
import LinuxSystem
import UpdateControl

/// The API's routes for updates. They pass requests to the updater, which has the rights, and return its answers.
public struct UpdateRoutes: Sendable {
  /// Milliseconds without an event after which a client is sent an empty comment.
  private static let keepAliveInterval = 5000

  private let socketPath: String

  /// - Parameter socketPath: The path of the updater's socket.
  public init(socketPath: String = DevicePaths.updateSocket) {
    self.socketPath = socketPath
  }

  var routes: [Router.Route] {
    [
      Router.Route("GET", "/v1/update") { _ in answer { .json(try status()) } },
      Router.Route("GET", "/v1/update/history") { _ in answer { .json(try status().history) } },
      Router.Route("GET", "/v1/update/events", .follow { _, events in try follow(events) }),
      Router.Route("POST", "/v1/update", .take { request, body, go in answer { try install(request, body, go) } }),
      Router.Route("POST", "/v1/update/fetch") { request in answer { try fetch(request) } },
      Router.Route("POST", "/v1/update/cancel") { _ in answer { try ask(.cancel) } },
      Router.Route("POST", "/v1/update/commit") { _ in answer { try ask(.commit) } },
      Router.Route("POST", "/v1/update/rollback") { _ in answer { try ask(.rollBack) } },
      Router.Route("POST", "/v1/update/try") { _ in answer { try ask(.tryHeld) } },
    ]
  }

  private func answer(_ make: () throws -> APIResponse) -> APIResponse {
    do {
      return try make()
    } catch let response as APIResponse {
      return response
    } catch UpdateClient.Failure.refused(let reason, let refusal) {
      let status =
        switch refusal {
        case .busy: 409
        case .otherBase: 412
        case .crowded: 503
        case .other: 422
        }
      return .error(status, reason)
    } catch {
      return .error(503, "\(error)")
    }
  }

  private func ask(_ request: UpdateRequest) throws -> APIResponse {
    _ = try UpdateClient(path: socketPath).ask(request)
    return .json(["done": true])
  }

  private func status() throws -> UpdateStatus {
    guard case .status(let status) = try UpdateClient(path: socketPath).ask(.status) else {
      throw UpdateClient.Failure.closed
    }
    return status
  }

  private func follow(_ events: EventStream) throws {
    let client = try UpdateClient(path: socketPath)
    try client.send(.follow)
    while true {
      switch try client.reply(within: Self.keepAliveInterval) {
      case .status(let status): try events.send(status, as: "status")
      case nil: try events.keepAlive()
      default: throw UpdateClient.Failure.closed
      }
    }
  }

  // MARK: Installing

  private func install(
    _ request: APIRequest, _ body: Descriptor, _ go: @escaping () -> Void
  ) throws -> APIResponse {
    let possible = ["restart", "force", "allowDowngrade"]
    for name in request.query.keys where !possible.contains(name) {
      throw APIResponse.error(400, "there is no parameter “\(name)”; possible: \(possible.joined(separator: ", "))")
    }
    let word = request.query["restart"] ?? UpdateRequest.Restart.now.rawValue
    guard let restart = UpdateRequest.Restart(rawValue: word) else {
      throw APIResponse.error(400, "“restart” must be now, later, or no")
    }
    func flag(_ name: String) throws(APIResponse) -> Bool {
      guard let flag = ["0": false, "1": true][request.query[name] ?? "0"] else {
        throw .error(400, "“\(name)” must be 0 or 1")
      }
      return flag
    }
    return try install(
      .stream, body,
      UpdateRequest.Options(restart: restart, force: try flag("force"), allowDowngrade: try flag("allowDowngrade")),
      isWanted: go)
  }

  private func fetch(_ request: APIRequest) throws -> APIResponse {
    let fetch: FetchRequest
    let location: BundleLocation
    do {
      fetch = try JSONDecoder().decode(FetchRequest.self, from: Data(request.body))
      location = try BundleLocation(fetch.url, serverCertificate: fetch.serverCertificate)
    } catch let error as BundleLocation.Malformed {
      throw APIResponse.error(400, error.description)
    } catch {
      throw APIResponse.error(400, "the request body is not valid: \(Self.words(for: error))")
    }
    // A path would be read with the daemon's rights. A client sends its own files instead.
    guard case .web = location else { throw APIResponse.error(400, "“url” must begin with http:// or https://") }
    let (kind, descriptor) = try location.forUpdater()
    return try install(kind, descriptor, fetch.options)
  }

  private func install(
    _ kind: UpdateRequest.Source, _ descriptor: Descriptor, _ options: UpdateRequest.Options,
    isWanted: () -> Void = {}
  ) throws -> APIResponse {
    let client = try UpdateClient(path: socketPath)
    try client.send(.install(source: kind, options), passing: descriptor)
    while true {
      switch try client.reply() {
      case .wanted: isWanted()
      case .progress: continue
      case .installed(let record): return .json(record)
      default: throw UpdateClient.Failure.closed
      }
    }
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "“\(key.stringValue)” is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context),
      DecodingError.valueNotFound(_, let context):
      context.codingPath.last.map { "“\($0.stringValue)” has a wrong type or value" } ?? "it is not a JSON object"
    default: "\(error)"
    }
  }
}

extension Router {
  /// The routes of the management API.
  public static func management(
    report: StatusReport = StatusReport(), updates: UpdateRoutes = UpdateRoutes()
  ) -> Router {
    let status = Route("GET", "/v1/status") { _ in
      do {
        return .json(try report.make())
      } catch {
        return .error(503, "\(error)")
      }
    }
    return Router([status] + updates.routes)
  }
}
