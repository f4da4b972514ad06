import NIOCore
import NIOHTTP1
import NIOPosix
import NIOTLS

/// A connection to a server (HTTP/1.1) for sequential requests.
///
/// Requests and responses are streams of parts. The functions return futures: a thread waits for them with `wait()`, a
/// task with `get()`. Received parts that nobody has taken are bounded: reading from the server pauses.
public final class HTTPConnection: Sendable {
  public let origin: WebAddress.Origin
  private let channel: any Channel
  private let answers: NIOLoopBound<AnswerHandler>
  /// The proxy that the requests are sent to; `nil` if they are sent to the server.
  private let proxy: HTTPProxy?

  /// Maximum bytes of a response's head, and of one field in it.
  private static let headLimit = 64 << 10

  private init(
    _ origin: WebAddress.Origin, _ channel: any Channel, _ answers: NIOLoopBound<AnswerHandler>, _ proxy: HTTPProxy?
  ) {
    (self.origin, self.channel, self.answers, self.proxy) = (origin, channel, answers, proxy)
  }

  deinit { close() }

  /// Connects to a server, up to the end of the TLS handshake.
  ///
  /// - Parameters:
  ///   - verification: The verification of the server's certificate. Used if the origin is secure.
  ///   - timeout: Timeout for each address, and for the proxy and the handshake together.
  /// - Returns: The connection, or ``HTTPFailure``.
  public static func open(
    to origin: WebAddress.Origin, by route: HTTPRoute, _ verification: ServerVerification?, timeout: TimeAmount,
    on group: any EventLoopGroup
  ) -> EventLoopFuture<HTTPConnection> {
    let seen = SeenCertificate()
    @Sendable func attempt(_ addresses: ArraySlice<SocketAddress>) -> EventLoopFuture<any Channel> {
      guard let address = addresses.first else {
        return group.next().makeFailedFuture(HTTPFailure.notConnected(reason: "the host has no address"))
      }
      let channel = ClientBootstrap(group: group)
        .connectTimeout(timeout)
        .channelOption(.maxMessagesPerRead, value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try prepare(channel.pipeline.syncOperations, to: origin, route.proxy, verification, seen)
          }
        }
        .connect(to: address)
      return addresses.count == 1 ? channel : channel.flatMapError { _ in attempt(addresses.dropFirst()) }
    }
    return attempt(route.addresses[...])
      .flatMapErrorThrowing { throw HTTPFailure($0, isOpen: false) }
      .flatMap { channel in
        do {
          let handler = try channel.pipeline.syncOperations.handler(type: AnswerHandler.self)
          let answers = NIOLoopBound(handler, eventLoop: channel.eventLoop)
          let proxy = origin.isSecure ? nil : route.proxy
          return handler.ready(within: timeout).map { HTTPConnection(origin, channel, answers, proxy) }
        } catch {
          return channel.eventLoop.makeFailedFuture(HTTPFailure(error, isOpen: false))
        }
      }
  }

  private static func prepare(
    _ pipeline: ChannelPipeline.SynchronousOperations, to origin: WebAddress.Origin, _ proxy: HTTPProxy?,
    _ verification: ServerVerification?, _ seen: SeenCertificate
  ) throws {
    if let proxy, origin.isSecure { try pipeline.addHandler(ProxyTunnel(through: proxy, to: origin)) }
    if let verification, origin.isSecure {
      try pipeline.addHandler(try verification.handler(for: origin.host, seen))
    }
    var limits = NIOHTTPDecoderLimitConfiguration()
    (limits.maxHeaderFieldSize, limits.maxHeaderListSize) = (headLimit, headLimit)
    let decoder = HTTPResponseDecoder(informationalResponseStrategy: .forward, limitConfiguration: limits)
    try pipeline.addHandler(HTTPRequestEncoder())
    try pipeline.addHandler(ByteToMessageHandler(decoder))
    try pipeline.addHandler(
      AnswerHandler(isSecure: origin.isSecure) { error, isOpen in
        verification?.refusal(error, seen) ?? HTTPFailure(error, isOpen: isOpen)
      })
  }

  /// Makes the head of a request to this server.
  ///
  /// - Parameter target: Path and query.
  public func head(_ method: HTTPMethod, _ target: String, _ fields: [(String, String)] = []) -> HTTPRequestHead {
    var headers = HTTPHeaders([("Host", origin.authority), ("User-Agent", "cultivar")] + fields)
    guard let proxy else { return HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers) }
    // A proxy needs the whole address (RFC 9112, section 3.2.2).
    if let authorization = proxy.authorization { headers.add(name: "Proxy-Authorization", value: authorization) }
    return HTTPRequestHead(
      version: .http1_1, method: method, uri: "http://\(origin.authority)\(target)", headers: headers)
  }

  /// Sends a part of a request. The future succeeds once the connection has taken it.
  @discardableResult public func send(_ part: HTTPClientRequestPart) -> EventLoopFuture<Void> {
    channel.writeAndFlush(part)
  }

  /// Returns the next part of a response. Responses without a body before the final one, with a status below 200,
  /// consist of a head only.
  ///
  /// - Parameter timeout: Timeout for this part; `nil` for none. The connection ends with it.
  /// - Returns: The part, or ``HTTPFailure``.
  public func next(within timeout: TimeAmount?) -> EventLoopFuture<HTTPClientResponsePart> {
    let answers = answers
    let eventLoop = channel.eventLoop
    return eventLoop.flatSubmit { answers.value.next(within: timeout, on: eventLoop) }
  }

  /// Closes the connection. Waiting calls fail.
  public func close() { channel.close(promise: nil) }
}

/// Keeps received parts until they are taken, and stops reading while there are too many.
private final class AnswerHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = Never

  /// Number of bytes at which reading from the server pauses.
  private static let limit = 256 << 10

  private let isSecure: Bool
  private let explain: (any Error, _ isOpen: Bool) -> HTTPFailure
  private var context: ChannelHandlerContext?
  private var isOpen = false
  /// The first failure. It ends the connection, so all later calls get it.
  private var failure: HTTPFailure?
  private var parts: CircularBuffer<HTTPClientResponsePart> = []
  private var bytes = 0
  private var isReadHeld = false
  /// The caller that waits for the connection to be ready, or for a part.
  private var opening: EventLoopPromise<Void>?
  private var waiting: EventLoopPromise<HTTPClientResponsePart>?
  private var alarm: Scheduled<Void>?

  init(isSecure: Bool, explain: @escaping (any Error, Bool) -> HTTPFailure) {
    (self.isSecure, self.explain) = (isSecure, explain)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    fail(ChannelError.eof)
    self.context = nil
  }

  // MARK: Calls

  func ready(within timeout: TimeAmount) -> EventLoopFuture<Void> {
    guard let context else { preconditionFailure("the handler is in no pipeline") }
    let promise = context.eventLoop.makePromise(of: Void.self)
    if isOpen {
      promise.succeed()
    } else if let failure {
      promise.fail(failure)
    } else {
      opening = promise
      setAlarm(timeout, context.eventLoop)
    }
    return promise.futureResult
  }

  func next(within timeout: TimeAmount?, on eventLoop: any EventLoop) -> EventLoopFuture<HTTPClientResponsePart> {
    let promise = eventLoop.makePromise(of: HTTPClientResponsePart.self)
    if let part = parts.popFirst() {
      bytes -= Self.length(part)
      promise.succeed(part)
      if isReadHeld, bytes < Self.limit {
        isReadHeld = false
        context?.read()
      }
    } else if let failure {
      promise.fail(failure)
    } else {
      precondition(waiting == nil, "one caller waits for parts")
      waiting = promise
      if let timeout { setAlarm(timeout, eventLoop) }
    }
    return promise.futureResult
  }

  private func setAlarm(_ timeout: TimeAmount, _ eventLoop: any EventLoop) {
    let handler = NIOLoopBound(self, eventLoop: eventLoop)
    let seconds = timeout.nanoseconds / 1_000_000_000
    alarm = eventLoop.scheduleTask(in: timeout) {
      let (handler, reason) = (handler.value, "no answer for \(seconds) seconds")
      handler.fail(handler.isOpen ? HTTPFailure.lost(reason: reason) : .notConnected(reason: reason))
    }
  }

  // MARK: Events

  func channelActive(context: ChannelHandlerContext) {
    if !isSecure { open() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { open() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if let waiting {
      alarm?.cancel()
      self.waiting = nil
      waiting.succeed(part)
    } else {
      parts.append(part)
      bytes += Self.length(part)
    }
  }

  func read(context: ChannelHandlerContext) {
    if bytes < Self.limit { context.read() } else { isReadHeld = true }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

  func channelInactive(context: ChannelHandlerContext) {
    fail(ChannelError.eof)
    context.fireChannelInactive()
  }

  private func open() {
    isOpen = true
    alarm?.cancel()
    opening?.succeed()
    opening = nil
  }

  private func fail(_ error: any Error) {
    alarm?.cancel()
    let first = failure ?? explain(error, isOpen)
    failure = first
    opening?.fail(first)
    waiting?.fail(first)
    (opening, waiting) = (nil, nil)
    context?.close(promise: nil)
  }

  private static func length(_ part: HTTPClientResponsePart) -> Int {
    if case .body(let buffer) = part { buffer.readableBytes } else { 0 }
  }
}
