import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection's requests: collects each, within the limits, and writes the router's answer.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// Bytes of a request's target that are looked at.
  private static let targetLimit = 2048

  private let router: Router
  private let limits: ManagementServer.Limits
  private var head: HTTPRequestHead?
  private var bodyBytes = 0

  init(router: Router, limits: ManagementServer.Limits) {
    self.router = router
    self.limits = limits
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      bodyBytes = 0
      if head.uri.utf8.count > Self.targetLimit { refuse(context, .error(414, "the path is too long")) }
    case .body(let bytes):
      bodyBytes += bytes.readableBytes
      if bodyBytes > limits.bodyBytes { refuse(context, .error(413, "the body is too large")) }
    case .end:
      guard let head else { return }
      self.head = nil
      answer(head, context)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let path = String(head.uri.prefix { $0 != "?" })
    let request = APIRequest(method: head.method.rawValue, path: path)
    // Making an answer may wait for the supervisor; the loop with all connections must not.
    let router = router
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
    NIOThreadPool.singleton.runIfActive(eventLoop: context.value.eventLoop) { router.answer(request) }
      .whenSuccess { response in
        handler.value.write(response, to: head, context.value)
      }
  }

  private func write(_ response: APIResponse, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    var headers = HTTPHeaders([
      ("Content-Type", "application/json"), ("Content-Length", String(response.body.count)),
      ("Cache-Control", "no-store"),
    ])
    for (name, value) in response.headers.sorted(by: { $0.key < $1.key }) { headers.add(name: name, value: value) }
    if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
    let status = HTTPResponseStatus(statusCode: response.status)
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
    if head.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    }
    let written = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    if !head.isKeepAlive {
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      written.futureResult.whenComplete { _ in context.value.close(promise: nil) }
    }
  }

  /// Answers before the request is complete and hangs up: what is still coming would have to be read otherwise.
  private func refuse(_ context: ChannelHandlerContext, _ response: APIResponse) {
    guard var head else { return }
    self.head = nil
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    write(response, to: head, context)
  }
}
