import DeviceModel
import FoundationEssentials
import HTTPClient
import Hashing
import HostNetwork
import HostSystem
import NIOCore
import NIOHTTP1
import NIOPosix

/// Connections to one device, one for each request. Requests go only to a server with the expected certificate.
struct DeviceConnection: Sendable {
  /// The body of a request.
  enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// A file of any size, sent in parts.
    case file(URL)
  }

  /// Maximum time to wait for the device's response before a file is sent.
  private static let wordTimeout = Duration.seconds(5)
  /// Size in bytes of the parts in which a file is sent.
  private static let partLength = 256 << 10
  private static let connectTimeout = TimeAmount.seconds(10)

  let address: DeviceAddress
  /// SHA-256 of the expected certificate; `nil` to read the certificate without sending a request.
  let fingerprint: Digest?
  let token: BearerToken?
  let network: HostNetwork

  /// Sends a request and passes on the response.
  ///
  /// - Parameters:
  ///   - silence: Time without data after which the connection is closed; `nil` for no limit.
  ///   - receive: Closure that gets the status of the response with each part of its body.
  /// - Returns: The HTTP status code.
  /// - Throws: ``RemoteFailure``, or the error of `receive`.
  func perform(
    _ method: HTTPMethod, _ path: String, _ body: Body = .none, silence: TimeAmount?,
    receive: (Int, ByteBuffer) async throws -> Void
  ) async throws -> Int {
    do {
      let connection = try await connect()
      defer { connection.close() }
      let head = connection.head(method, path, try fields(body))
      return try await withTaskCancellationHandler {
        try await withThrowingTaskGroup(of: Void.self) { group in
          // If the device closes the connection while the body is sent, its response has the reason.
          let (word, isWanted) = AsyncStream<Void>.makeStream()
          group.addTask { try? await send(head, body, after: word, over: connection) }
          defer {
            // A part that waits to be sent does not notice that its task is cancelled.
            connection.close()
            group.cancelAll()
          }
          return try await answer(over: connection, silence: silence, receive) { isWanted.yield() }
        }
      } onCancel: {
        connection.close()
      }
    } catch let failure as HTTPFailure {
      try Task.checkCancellation()
      throw self.failure(failure)
    }
  }

  /// Returns the fingerprint of the server's certificate. Sends no request.
  func presentedFingerprint() async throws -> Digest {
    do {
      _ = try await connect()
    } catch HTTPFailure.untrusted(_, let found?) {
      return found
    } catch let failure as HTTPFailure {
      throw self.failure(failure)
    }
    throw RemoteFailure.notReachable(address, reason: "it does not speak TLS")
  }

  private func connect() async throws -> HTTPConnection {
    let origin = WebAddress.Origin(isSecure: true, host: address.host, port: UInt16(address.port))
    let route = try await NIOThreadPool.singleton.runIfActive { [network] in try network.route(to: origin) }
    let verification = try ServerVerification(fingerprint.map { .certificate($0) } ?? .none)
    return try await HTTPConnection.open(
      to: origin, by: route, verification, timeout: Self.connectTimeout, on: .singletonMultiThreadedEventLoopGroup
    ).get()
  }

  private func failure(_ failure: HTTPFailure) -> RemoteFailure {
    switch failure {
    case .notConnected(let reason): .notReachable(address, reason: reason)
    case .untrusted(let reason, let found):
      if let fingerprint, let found {
        .otherCertificate(address, known: fingerprint, found: found)
      } else {
        .notReachable(address, reason: reason)
      }
    case .lost: .lost(address)
    }
  }

  private func fields(_ body: Body) throws -> [(String, String)] {
    var fields = [("Connection", "close")]
    if let token { fields.append(("Authorization", "Bearer \(token.text)")) }
    switch body {
    case .none: break
    case .bytes(let bytes): fields.append(("Content-Length", "\(bytes.count)"))
    case .file(let file):
      fields.append(("Content-Length", "\(try OpenFile(file.path).size())"))
      fields.append(("Expect", "100-continue"))
    }
    return fields
  }

  /// - Parameter word: Stream that yields when the device asks for the body.
  private func send(
    _ head: HTTPRequestHead, _ body: Body, after word: AsyncStream<Void>, over connection: HTTPConnection
  ) async throws {
    try await connection.send(.head(head)).get()
    switch body {
    case .none: break
    case .bytes(let bytes): try await connection.send(.body(.byteBuffer(ByteBuffer(bytes: bytes)))).get()
    case .file(let file):
      await Self.wait(for: word)
      try Task.checkCancellation()
      let content = try OpenFile(file.path)
      while case let part = try content.read(atMost: Self.partLength), !part.isEmpty {
        try await connection.send(.body(.byteBuffer(ByteBuffer(bytes: part)))).get()
      }
    }
    try await connection.send(.end(nil)).get()
  }

  private static func wait(for word: AsyncStream<Void>) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in word { return } }
      group.addTask { try? await Task.sleep(for: wordTimeout) }
      await group.next()
      group.cancelAll()
    }
  }

  /// - Parameter isWanted: Closure to call when the device asks for the body.
  private func answer(
    over connection: HTTPConnection, silence: TimeAmount?, _ receive: (Int, ByteBuffer) async throws -> Void,
    isWanted: () -> Void
  ) async throws -> Int {
    var status: Int?
    while true {
      switch try await connection.next(within: silence).get() {
      case .head(let head) where head.status == .continue: isWanted()
      case .head(let head) where head.status.code < 200: continue
      case .head(let head): status = Int(head.status.code)
      case .body(let bytes): try await receive(status ?? 0, bytes)
      case .end: if let status { return status }
      }
    }
  }
}
