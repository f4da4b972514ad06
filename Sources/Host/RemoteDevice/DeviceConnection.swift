import Crypto
import DeviceModel
import FoundationEssentials
import HostSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

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
  let fingerprint: Fingerprint?
  let token: BearerToken?

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
    let seen = SeenCertificate()
    do {
      let channel = try await connect(silence: silence, seen)
      return try await channel.executeThenClose { inbound, outbound in
        try await withThrowingTaskGroup(of: Void.self) { group in
          let head = try head(method, path, body)
          // If the device closes the connection while the body is sent, its response has the reason.
          let (word, isWanted) = AsyncStream<Void>.makeStream()
          group.addTask { try? await send(head, body, after: word, outbound) }
          defer { group.cancelAll() }
          return try await answer(inbound, receive) { isWanted.yield() }
        }
      }
    } catch let failure as RemoteFailure {
      throw failure
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      if let known = fingerprint, let found = seen.fingerprint, found != known {
        throw RemoteFailure.otherCertificate(address, known: known, found: found)
      }
      guard seen.fingerprint == nil else { throw RemoteFailure.lost(address) }
      throw RemoteFailure.notReachable(address, reason: Self.words(for: error))
    }
  }

  /// Returns the fingerprint of the server's certificate. Sends no request.
  func presentedFingerprint() async throws -> Fingerprint {
    let seen = SeenCertificate()
    do {
      let channel = try await connect(silence: Self.connectTimeout, seen)
      try await channel.executeThenClose { inbound, _ in
        for try await _ in inbound {}
      }
    } catch {
      guard seen.fingerprint == nil else { return try seen.required(at: address) }
      throw RemoteFailure.notReachable(address, reason: Self.words(for: error))
    }
    return try seen.required(at: address)
  }

  private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

  private func connect(silence: TimeAmount?, _ seen: SeenCertificate) async throws -> Channel {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    configuration.trustRoots = .certificates([])
    configuration.certificateVerification = .noHostnameVerification
    // At this point the response is complete. The client does not wait for a device that still sends events.
    configuration.shutdownTimeout = .milliseconds(100)
    let context = try NIOSSLContext(configuration: configuration)
    let known = fingerprint
    return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(Self.connectTimeout)
      .connect(host: address.host, port: address.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let tls = try NIOSSLClientHandler(context: context, serverHostname: nil) { certificates, promise in
            let found = certificates.first.flatMap { try? $0.toDERBytes() }
              .flatMap { Fingerprint(Array(SHA256.hash(data: $0))) }
            seen.fingerprint = found
            // Without an expected fingerprint, the handshake fails after the certificate has been read.
            promise.succeed(found != nil && found == known ? .certificateVerified : .failed)
          }
          try pipeline.addHandler(tls)
          if let silence {
            try pipeline.addHandler(IdleStateHandler(readTimeout: silence))
            try pipeline.addHandler(SilenceHandler())
          }
          let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
          try pipeline.addHandlers(HTTPRequestEncoder(), ByteToMessageHandler(decoder))
          return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }
      }
  }

  private func head(_ method: HTTPMethod, _ path: String, _ body: Body) throws -> HTTPRequestHead {
    var headers = HTTPHeaders([
      ("Host", address.description), ("User-Agent", "cultivar"), ("Connection", "close"),
    ])
    if let token { headers.add(name: "Authorization", value: "Bearer \(token.text)") }
    switch body {
    case .none: break
    case .bytes(let bytes): headers.add(name: "Content-Length", value: "\(bytes.count)")
    case .file(let file):
      headers.add(name: "Content-Length", value: "\(try OpenFile(file.path).size())")
      headers.add(name: "Expect", value: "100-continue")
    }
    return HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
  }

  /// - Parameter word: Stream that yields when the device asks for the body.
  private func send(
    _ head: HTTPRequestHead, _ body: Body, after word: AsyncStream<Void>,
    _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
  ) async throws {
    try await outbound.write(.head(head))
    switch body {
    case .none: break
    case .bytes(let bytes): try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
    case .file(let file):
      await Self.wait(for: word)
      try Task.checkCancellation()
      let content = try OpenFile(file.path)
      while case let part = try content.read(atMost: Self.partLength), !part.isEmpty {
        try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: part))))
      }
    }
    try await outbound.write(.end(nil))
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
    _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, _ receive: (Int, ByteBuffer) async throws -> Void,
    isWanted: () -> Void
  ) async throws -> Int {
    var status: Int?
    for try await part in inbound {
      switch part {
      case .head(let head) where head.status == .continue: isWanted()
      case .head(let head): status = Int(head.status.code)
      case .body(let bytes): try await receive(status ?? 0, bytes)
      case .end: if let status { return status }
      }
    }
    throw RemoteFailure.lost(address)
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      (error.connectionErrors.first?.error as? IOError).map { String(cString: strerror($0.errnoCode)) }
        ?? "there is no host with that name"
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case is NIOSSLError: "it does not speak TLS"
    default: "\(error)"
    }
  }
}

/// The certificate that the server presented in the handshake.
private final class SeenCertificate: Sendable {
  private let stored = Mutex<Fingerprint?>(nil)

  var fingerprint: Fingerprint? {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }

  func required(at address: DeviceAddress) throws(RemoteFailure) -> Fingerprint {
    guard let fingerprint else { throw .notReachable(address, reason: "it does not speak TLS") }
    return fingerprint
  }
}

/// Closes the connection to a device that sends no data for too long.
private final class SilenceHandler: ChannelInboundHandler {
  typealias InboundIn = Any

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }
}
