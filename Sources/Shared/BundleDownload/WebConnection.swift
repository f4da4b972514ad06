import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection to a web server, for one request after the other, by a thread that waits.
final class WebConnection {
  /// Whom it leads to.
  let origin: WebAddress.Origin
  private let channel: any Channel
  private let inbox: Inbox
  /// Whether an answer came before: a server may close such a connection at any time.
  private(set) var isUsed = false

  /// Bytes of an answer's head, and of one field of it.
  private static let headLimit = 64 << 10

  /// Connects to the first address that answers.
  ///
  /// - Parameter addresses: numeric.
  /// - Throws: What the last one threw.
  init(
    to origin: WebAddress.Origin, at addresses: [String], by verification: ServerVerification?,
    patience: DownloadOptions.Patience, on group: any EventLoopGroup
  ) throws {
    self.origin = origin
    let inbox = Inbox()
    self.inbox = inbox
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(.seconds(Int64(patience.connecting)))
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let verification { try pipeline.addHandler(try verification.handler(for: origin.host)) }
          var limits = NIOHTTPDecoderLimitConfiguration()
          (limits.maxHeaderFieldSize, limits.maxHeaderListSize) = (Self.headLimit, Self.headLimit)
          let decoder = HTTPResponseDecoder(limitConfiguration: limits)
          try pipeline.addHandler(HTTPRequestEncoder())
          try pipeline.addHandler(ByteToMessageHandler(decoder))
          try pipeline.addHandler(AnswerHandler(inbox))
        }
      }
    var result: Result<any Channel, any Error> = .failure(Obstacle("it has no address"))
    for address in addresses {
      result = Result {
        try bootstrap.connect(to: SocketAddress(ipAddress: address, port: Int(origin.port))).wait()
      }
      if case .success = result { break }
    }
    channel = try result.get()
  }

  deinit { channel.close(promise: nil) }

  /// Sends a request without a body.
  func send(_ request: HTTPRequestHead) {
    channel.write(HTTPClientRequestPart.head(request), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
  }

  /// Waits for the next part of an answer.
  ///
  /// - Parameter seconds: How long.
  /// - Throws: ``Obstacle``, and what is wrong with connection or answer.
  func next(within seconds: Int) throws -> HTTPClientResponsePart {
    let inbox = self.inbox
    let alarm = channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
      inbox.put(.failure(Obstacle("no answer for \(seconds) seconds")))
    }
    defer { alarm.cancel() }
    let (part, hasRoom) = inbox.take()
    // The handler held back what the inbox had no room for.
    if hasRoom { channel.read() }
    isUsed = true
    return try part.get()
  }
}

/// What came from a server, on its way from the event loop to who waits for it.
private final class Inbox: @unchecked Sendable {
  typealias Part = Result<HTTPClientResponsePart, any Error>

  /// Bytes after which a server has to wait.
  private static let limit = 256 << 10

  /// Guards what follows; its value says whether there is anything.
  private let lock = ConditionLock(value: false)
  private var parts: CircularBuffer<Part> = []
  private var bytes = 0

  /// Adds a part.
  func put(_ part: Part) {
    lock.lock()
    parts.append(part)
    bytes += Self.length(part)
    lock.unlock(withValue: true)
  }

  /// Waits for a part, and takes it.
  ///
  /// - Returns: The part, and whether there is room for more.
  func take() -> (Part, hasRoom: Bool) {
    lock.lock(whenValue: true)
    let part = parts.removeFirst()
    bytes -= Self.length(part)
    let hasRoom = bytes < Self.limit
    // A failure is the last of a connection, however often one asks.
    if case .failure = part, parts.isEmpty { parts.append(part) }
    lock.unlock(withValue: !parts.isEmpty)
    return (part, hasRoom)
  }

  /// Whether a server may send more.
  var hasRoom: Bool {
    lock.lock()
    defer { lock.unlock() }
    return bytes < Self.limit
  }

  private static func length(_ part: Part) -> Int {
    if case .success(.body(let buffer)) = part { buffer.readableBytes } else { 0 }
  }
}

/// Puts what comes into an inbox, and reads no more than that has room for.
private final class AnswerHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = Never

  private let inbox: Inbox

  init(_ inbox: Inbox) { self.inbox = inbox }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.put(.success(unwrapInboundIn(data))) }

  func read(context: ChannelHandlerContext) { if inbox.hasRoom { context.read() } }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    inbox.put(.failure(error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    inbox.put(.failure(Obstacle("the server closed the connection")))
    context.fireChannelInactive()
  }
}
