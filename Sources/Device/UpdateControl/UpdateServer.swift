import Bundle
import DeviceModel
import Glibc
import LinuxSystem
import UpdateEngine

/// The server of the updater. It answers requests on its socket, with a thread for each connection.
public final class UpdateServer: Sendable {
  private let engine: UpdateEngine
  private let listener: Descriptor
  private let allowedUsers: Set<UInt32>
  private let open = OpenConnections()

  /// Milliseconds between two checks of the status for followers, and between two progress reports.
  private static let interval: UInt64 = 250

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - path: The path of the socket.
  ///   - allowedUsers: The IDs of users that may send requests.
  ///   - group: The ID of a group that may access the socket besides its owner.
  /// - Throws: `SystemError`.
  public init(
    _ engine: UpdateEngine, at path: String = DevicePaths.updateSocket, allowedUsers: Set<UInt32>, group: UInt32?
  ) throws(SystemError) {
    signal(SIGPIPE, SIG_IGN)
    self.engine = engine
    self.allowedUsers = allowedUsers
    listener = try UnixSocket.listen(at: path, mode: group == nil ? 0o600 : 0o660, group: group)
  }

  /// Accepts connections until the process ends.
  public func run() -> Never {
    while true {
      guard listener.waitUntilReadable(timeout: nil), let connection = UnixSocket.accept(listener) else { continue }
      guard let user = UnixSocket.peerUser(connection), allowedUsers.contains(user), open.take(user: user)
      else { continue }
      _ = fcntl(connection.number, F_SETFL, fcntl(connection.number, F_GETFL) & ~O_NONBLOCK)
      _ = Background { [self] in
        answer(LineConnection(connection, limit: UpdateRequest.maximumSize))
        open.giveBack(user: user)
      }
    }
  }

  private func answer(_ connection: LineConnection) {
    do {
      while let (request, passed) = try connection.receive(UpdateRequest.self) {
        do {
          try handle(request, passed, connection)
        } catch let failure where !(failure is SystemError && connection.isClosed) {
          try connection.send(UpdateReply.failure(reason: "\(failure)", UpdateRefusal(of: failure)))
        }
      }
    } catch {
      // The client is gone, or does not speak the protocol.
      return
    }
  }

  private func handle(_ request: UpdateRequest, _ passed: Descriptor?, _ connection: LineConnection) throws {
    switch request {
    case .status: try connection.send(UpdateReply.status(try engine.status()))
    case .follow:
      guard try !open.following({ try follow(connection) }) else { return }
      try connection.send(UpdateReply.failure(reason: "too many clients already follow the updates", .crowded))
    case .install(let kind, let options):
      guard let passed else {
        return try connection.send(UpdateReply.failure(reason: "the request contains no bundle", .other))
      }
      let source: any BundleSource =
        switch kind {
        case .file: FileSource(passed)
        case .stream: StreamSource(passed, whileWaiting: engine.checkNotCancelled)
        case .ranges: RangeSource(passed, whileWaiting: engine.checkNotCancelled)
        }
      var last: UInt64 = 0
      // The installation continues even if the client disconnects.
      let record = try engine.install(
        from: source, options, begin: { try? connection.send(UpdateReply.wanted) },
        report: { progress in
          let now = EventLoop.now
          guard now >= last + Self.interval || progress.checked == progress.total else { return }
          last = now
          try? connection.send(UpdateReply.progress(progress))
        })
      try? connection.send(UpdateReply.installed(record))
      if options.restart == .now { engine.restart() }
    case .cancel:
      try engine.cancel()
      try connection.send(UpdateReply.done)
    case .commit:
      try engine.commit()
      try connection.send(UpdateReply.done)
    case .rollBack:
      try engine.rollBack()
      try connection.send(UpdateReply.done)
      engine.restart()
    case .tryHeld:
      try engine.tryHeld()
      try connection.send(UpdateReply.done)
      engine.restart()
    }
  }

  /// Sends the status whenever it changes, until the client disconnects.
  private func follow(_ connection: LineConnection) throws {
    var last: UpdateStatus?
    while !connection.isClosed {
      let status = try engine.status()
      if status != last { try connection.send(UpdateReply.status(status)) }
      last = status
      usleep(UInt32(Self.interval) * 1000)
    }
  }
}

extension UpdateRefusal {
  /// Classifies a failure for programs.
  fileprivate init(of failure: any Error) {
    self =
      switch failure {
      case UpdateFailure.busy: .busy
      case BundleFailure.otherBase: .otherBase
      default: .other
      }
  }
}

extension LineConnection {
  /// True if the client has disconnected.
  fileprivate var isClosed: Bool {
    var entry = pollfd(fd: descriptor.number, events: 0, revents: 0)
    return poll(&entry, 1, 0) > 0
  }
}
