import DeviceModel
import Foundation
import LinuxSystem
import Synchronization
import TestFixtures

/// An updater that changes nothing: a socket that answers like the real one, and records the requests.
public final class UpdaterDouble: Sendable {
  /// Makes the answer to a complete bundle from its bytes and the request.
  public typealias Installing = @Sendable (UpdaterDouble, [UInt8], UpdateRequest) -> UpdateReply

  private struct State {
    var status: UpdateStatus
    var requests: [UpdateRequest] = []
    var isStopped = false
    var readsBundles = true
    var wantsBundles = true
    var bundleBytes: Int?
    var answersAfter = Duration.zero
  }

  private let folder: TemporaryFolder
  private let state: Mutex<State>
  private let installing: Installing

  /// The path of the socket.
  public var path: String { folder.path + "/update.sock" }

  /// Begins to answer, until ``stop()``.
  ///
  /// - Parameter installing: Answers requests to install. By default they succeed.
  public init(
    _ status: UpdateStatus = .idle(), installing: @escaping Installing = { updater, _, _ in .installed(updater.record) }
  ) throws {
    folder = try TemporaryFolder()
    state = Mutex(State(status: status))
    self.installing = installing
    let listener = try UnixSocket.listen(at: folder.path + "/update.sock", mode: 0o600)
    _ = Background { [self] in
      while !isStopped {
        guard listener.waitUntilReadable(timeout: 50), let connection = UnixSocket.accept(listener) else { continue }
        _ = Background { [self] in answer(connection) }
      }
    }
  }

  /// Stops answering.
  public func stop() { state.withLock { $0.isStopped = true } }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  /// The requests in order, except those for the status.
  public var requests: [UpdateRequest] { state.withLock { $0.requests.filter { $0 != .status && $0 != .follow } } }

  /// The status that it reports.
  public var status: UpdateStatus {
    get { state.withLock { $0.status } }
    set { state.withLock { $0.status = newValue } }
  }

  /// True if it reads a bundle before it answers.
  public var readsBundles: Bool {
    get { state.withLock { $0.readsBundles } }
    set { state.withLock { $0.readsBundles = newValue } }
  }

  /// True if it sends `wanted` before it answers.
  public var wantsBundles: Bool {
    get { state.withLock { $0.wantsBundles } }
    set { state.withLock { $0.wantsBundles = newValue } }
  }

  /// Duration of an installation in addition to reading the bundle.
  public var answersAfter: Duration {
    get { state.withLock { $0.answersAfter } }
    set { state.withLock { $0.answersAfter = newValue } }
  }

  /// Size in bytes of the last bundle that was read completely.
  public var bundleBytes: Int? { state.withLock { $0.bundleBytes } }

  /// The record of an installed release.
  public var record: UpdateRecord {
    UpdateRecord(time: 1_800_000_000, outcome: .installed, version: "2.0.0", slot: .b)
  }

  private func answer(_ connection: Descriptor) {
    _ = fcntl(connection.number, F_SETFL, fcntl(connection.number, F_GETFL) & ~O_NONBLOCK)
    while let part = try? UnixSocket.receive(atMost: 4096, from: connection), !part.bytes.isEmpty {
      guard let request = try? JSONDecoder().decode(UpdateRequest.self, from: Data(part.bytes)) else { return }
      state.withLock { $0.requests.append(request) }
      switch request {
      case .status: send(.status(status), connection)
      case .follow: follow(connection)
      case .install(let kind, _):
        guard let passed = part.passed else { return }
        if wantsBundles { send(.wanted, connection) }
        send(.progress(InstallProgress(version: "2.0.0", done: 1, total: 2)), connection)
        let bundle = kind == .ranges ? firstRange(passed) : readsBundles ? all(passed) : []
        Thread.sleep(forTimeInterval: answersAfter / .seconds(1))
        send(installing(self, bundle, request), connection)
      case .cancel, .commit, .rollBack, .tryHeld: send(.done, connection)
      }
    }
  }

  private func send(_ reply: UpdateReply, _ connection: Descriptor) {
    guard let bytes = try? JSONEncoder().encode(reply) else { return }
    try? UnixSocket.send(Array(bytes) + [UInt8(ascii: "\n")], over: connection)
  }

  private func follow(_ connection: Descriptor) {
    var last: UpdateStatus?
    while !isStopped {
      let now = status
      if now != last { send(.status(now), connection) }
      last = now
      usleep(20_000)
    }
  }

  private func all(_ body: Descriptor) -> [UInt8] {
    var bytes: [UInt8] = []
    while let part = try? body.read(atMost: 65_536), !part.isEmpty { bytes += part }
    state.withLock { [count = bytes.count] in $0.bundleBytes = count }
    return bytes
  }

  /// Requests the first four bytes, as the real updater requests ranges.
  private func firstRange(_ service: Descriptor) -> [UInt8] {
    try? service.write(all: RangeRequest(offset: 0, end: 4, count: 4).bytes)
    var answer: [UInt8] = []
    while answer.count < 9, let part = try? service.read(atMost: 4096), !part.isEmpty { answer += part }
    return Array(answer.dropFirst(5))
  }
}

extension UpdateStatus {
  /// Returns the status of a device without activity.
  public static func idle(version: String = "1.0.0", history: [UpdateRecord] = []) -> UpdateStatus {
    UpdateStatus(
      image: ImageIdentity(
        project: "weather", image: "station", deviceClass: "generic-x86_64", version: version, build: "00"),
      loader: "GRUB",
      slots: [
        SlotStatus(slot: .a, isRunning: true, isStandard: true, isStartable: true, version: version),
        SlotStatus(slot: .b, isRunning: false, isStandard: false, isStartable: false, version: nil),
      ],
      activity: .idle, trial: nil, securityEpoch: 0, history: history)
  }
}
