import class LinuxSystem.Background
import class LinuxSystem.Descriptor
import NIOCore
import NIOHTTP1

/// Handles the requests of one connection: checks the token first, passes each request to its route, and writes the
/// answer.
final class RequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// The state of the current request.
  private enum State {
    /// No request has arrived.
    case idle
    /// The body is being collected.
    case collecting(HTTPRequestHead, APIRequest, Router.Route.Work)
    /// The body is passed to a route, which makes the answer at the same time.
    case streaming(HTTPRequestHead, BodyStream)
    /// The request is complete, and the answer is being made.
    case answering(HTTPRequestHead)
    /// The answer comes before the end of the request. The rest of the request is dropped.
    case dropping(isComplete: Bool, isAnswered: Bool)
  }

  private typealias Bound = NIOLoopBound<(handler: RequestHandler, context: ChannelHandlerContext)>

  /// Maximum length of a request's target in bytes.
  private static let targetLimit = 2048
  /// Time for which the rest of a dropped request is read. If the connection were closed at once, the client could lose
  /// the answer.
  private static let lingering = TimeAmount.seconds(5)

  private let router: Router
  private let gate: TokenGate
  private let limits: ManagementServer.Limits
  private let admission: Admission
  private var state = State.idle
  private var body: [UInt8] = []
  /// True while reading from the client is paused, until the reader of the body has caught up.
  private var isReadPaused = false
  /// True while the client waits for "100 Continue" before it sends the body.
  private var isContinueAwaited = false
  /// True once the first event of a stream was sent.
  private var hasBegunEvents = false
  /// Closes the connection, unless it is cancelled or replaced in time.
  private var timeout: Scheduled<Void>?

  init(router: Router, gate: TokenGate, limits: ManagementServer.Limits, admission: Admission) {
    self.router = router
    self.gate = gate
    self.limits = limits
    self.admission = admission
  }

  // MARK: Incoming data

  func channelActive(context: ChannelHandlerContext) {
    startTimeout(context, within: .seconds(limits.authenticationSeconds))
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timeout?.cancel()
    // The reader of the body then sees that the body ends too early.
    if case .streaming(_, let stream) = state { stream.end() }
    state = .dropping(isComplete: true, isAnswered: true)
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head, context)
    case .body(let part): take(part, context)
    case .end: end(context)
    }
  }

  /// Reads from the client, unless the reader of the body is behind.
  func read(context: ChannelHandlerContext) {
    if case .streaming(_, let stream) = state, !stream.hasRoom {
      isReadPaused = true
      timeout?.cancel()
    } else {
      context.read()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    guard gate.admits(head.headers.first(name: "Authorization")) else {
      let refusal = APIResponse.error(
        401, "the token is missing or wrong", headers: ["WWW-Authenticate": "Bearer"])
      return refuse(head, refusal, after: limits.pauseAfterWrongToken, context)
    }
    admission.authenticate(context.channel)
    startTimeout(context)
    guard head.uri.utf8.count <= Self.targetLimit else {
      return refuse(head, .error(414, "the path is too long"), context)
    }
    let request = APIRequest(method: head.method.rawValue, target: head.uri)
    do {
      let work = try router.route(for: request).work
      isContinueAwaited = head.headers[canonicalForm: "Expect"].contains { $0.lowercased() == "100-continue" }
      if case .take(let answer) = work {
        try stream(request, to: answer, head, context)
      } else if case .follow = work, head.method == .HEAD {
        refuse(head, APIResponse(status: 200, headers: ["Content-Type": "text/event-stream"], body: []), context)
      } else {
        state = .collecting(head, request, work)
        sendContinue(context)
      }
    } catch {
      refuse(head, error as? APIResponse ?? .error(500, "\(error)"), context)
    }
  }

  /// Sends "100 Continue" to a client that waits for it before it sends its body (RFC 9110, section 10.1.1).
  private func sendContinue(_ context: ChannelHandlerContext) {
    switch state {
    case .collecting, .streaming: break
    case .idle, .answering, .dropping: return
    }
    guard isContinueAwaited else { return }
    isContinueAwaited = false
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
  }

  private func take(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
    switch state {
    case .collecting(let head, _, _):
      startTimeout(context)
      body += part.readableBytesView
      if body.count > limits.bodyBytes { refuse(head, .error(413, "the body is too large"), context) }
    case .streaming(_, let stream):
      startTimeout(context)
      stream.write(part)
    case .idle, .answering, .dropping: break
    }
  }

  private func end(_ context: ChannelHandlerContext) {
    switch state {
    case .collecting(let head, var request, let work):
      request.body = body
      body = []
      timeout?.cancel()
      state = .answering(head)
      perform(work, request, context)
    case .streaming(let head, let stream):
      timeout?.cancel()
      stream.end()
      state = .answering(head)
    case .dropping(_, let isAnswered):
      state = .dropping(isComplete: true, isAnswered: isAnswered)
      if isAnswered { context.close(promise: nil) }
    case .idle, .answering: break
    }
  }

  /// Starts the timeout after which the connection is closed. It replaces an earlier one.
  private func startTimeout(_ context: ChannelHandlerContext, within time: TimeAmount? = nil) {
    timeout?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timeout = context.eventLoop.scheduleTask(in: time ?? .seconds(limits.idleSeconds)) {
      bound.value.close(promise: nil)
    }
  }

  // MARK: Work

  private func stream(
    _ request: APIRequest,
    to answer: @escaping @Sendable (APIRequest, Descriptor, @escaping @Sendable () -> Void) -> APIResponse,
    _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) throws {
    let eventLoop = context.eventLoop
    let bound = Bound((self, context), eventLoop: eventLoop)
    let (stream, reading) = try BodyStream.make(on: eventLoop) { bound.value.handler.resume(bound.value.context) }
    state = .streaming(head, stream)
    _ = Background {
      let response = answer(request, reading) {
        eventLoop.execute { bound.value.handler.sendContinue(bound.value.context) }
      }
      eventLoop.execute { bound.value.handler.finish(response, bound.value.context) }
    }
  }

  private func perform(_ work: Router.Route.Work, _ request: APIRequest, _ context: ChannelHandlerContext) {
    let eventLoop = context.eventLoop
    let bound = Bound((self, context), eventLoop: eventLoop)
    hasBegunEvents = false
    _ = Background {
      var response: APIResponse?
      switch work {
      case .answer(let answer): response = answer(request)
      case .follow(let follow):
        let events = EventStream { bytes in
          try eventLoop.flatSubmit { bound.value.handler.send(event: bytes, bound.value.context) }.wait()
        }
        do { try follow(request, events) } catch { response = error as? APIResponse ?? .error(503, "\(error)") }
      case .take: return
      }
      eventLoop.execute { [response] in bound.value.handler.finish(response, bound.value.context) }
    }
  }

  private func resume(_ context: ChannelHandlerContext) {
    guard isReadPaused else { return }
    isReadPaused = false
    startTimeout(context)
    context.read()
  }

  // MARK: Answers

  private func send(event: [UInt8], _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    if !hasBegunEvents {
      hasBegunEvents = true
      let headers = HTTPHeaders([("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
      context.write(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
    }
    startTimeout(context)
    let bound = Bound((self, context), eventLoop: context.eventLoop)
    let written = context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: event)))))
    return written.always { _ in bound.value.handler.timeout?.cancel() }
  }

  /// Writes the answer, or ends the stream of events if it is `nil`.
  private func finish(_ response: APIResponse?, _ context: ChannelHandlerContext) {
    switch state {
    case .answering(let head):
      guard !hasBegunEvents, let response else {
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        return context.close(promise: nil)
      }
      state = .idle
      startTimeout(context)
      write(response, to: head, closing: !head.isKeepAlive, context)
    case .streaming(let head, let stream):
      stream.end()
      if let response { refuse(head, response, context) }
    case .idle, .collecting, .dropping: break
    }
  }

  /// Answers before the request is complete. The rest of the request is dropped.
  private func refuse(
    _ head: HTTPRequestHead, _ response: APIResponse, after pause: TimeAmount = .zero,
    _ context: ChannelHandlerContext
  ) {
    timeout?.cancel()
    body = []
    state = .dropping(isComplete: false, isAnswered: false)
    let bound = Bound((self, context), eventLoop: context.eventLoop)
    // The answer is sent in a later turn of the event loop: more of the request may already be here, behind the part
    // that is being delivered.
    context.eventLoop.scheduleTask(in: pause) {
      let (handler, context) = bound.value
      guard case .dropping(var isComplete, false) = handler.state else { return }
      // A client that still waits for "100 Continue" sends nothing more.
      if handler.isContinueAwaited { isComplete = true }
      handler.state = .dropping(isComplete: isComplete, isAnswered: true)
      handler.write(response, to: head, closing: isComplete, context)
      guard !isComplete else { return }
      handler.resume(context)
      handler.startTimeout(context, within: Self.lingering)
    }
  }

  /// - Parameter closing: True to close the connection after the answer. The rest of a dropped request is read first.
  private func write(
    _ response: APIResponse, to head: HTTPRequestHead, closing: Bool, _ context: ChannelHandlerContext
  ) {
    var headers = HTTPHeaders([("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    for (name, value) in response.headers.sorted(by: { $0.key < $1.key }) {
      headers.replaceOrAdd(name: name, value: value)
    }
    // A stream of events has no length to report to a HEAD request.
    if head.method != .HEAD || !response.body.isEmpty {
      headers.add(name: "Content-Length", value: String(response.body.count))
    }
    let isLast = if case .dropping = state { true } else { closing }
    if isLast { headers.add(name: "Connection", value: "close") }
    let status = HTTPResponseStatus(statusCode: response.status)
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
    if head.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    }
    let written = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    if closing {
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      written.futureResult.whenComplete { _ in context.value.close(promise: nil) }
    }
  }
}
