import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection to a web server for sequential requests. Its functions block the calling thread.
final class WebConnection {
  let origin: WebAddress.Origin
  private let channel: any Channel
  private let inbox: Inbox
  /// True after the first response: from then on the server may close the connection at any time.
  private(set) var isUsed = false

  /// Maximum bytes of a response's head, and of one field in it.
  private static let headLimit = 64 << 10

  /// Connects to the first address that accepts.
  ///
  /// - Parameter addresses: Numeric addresses.
  /// - Throws: The error of the last address.
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
    var result: Result<any Channel, any Error> = .failure(Obstacle("the host has no address"))
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

  /// Waits for the next part of a response.
  ///
  /// - Parameter seconds: Timeout in seconds.
  /// - Throws: ``Obstacle``, and errors of the connection or the response.
  func next(within seconds: Int) throws -> HTTPClientResponsePart {
    let inbox = self.inbox
    let alarm = channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
      inbox.put(.failure(Obstacle("no answer for \(seconds) seconds")))
    }
    defer { alarm.cancel() }
    let (part, hasRoom) = inbox.take()
    // The handler has paused reading while the inbox was full.
    if hasRoom { channel.read() }
    isUsed = true
    return try part.get()
  }
}

/// A queue of received parts, from the event loop to the waiting thread.
private final class Inbox: @unchecked Sendable {
  typealias Part = Result<HTTPClientResponsePart, any Error>

  /// Number of bytes at which reading from the server pauses.
  private static let limit = 256 << 10

  /// Guards the properties below. Its value is true if there are parts.
  private let lock = ConditionLock(value: false)
  private var parts: CircularBuffer<Part> = []
  private var bytes = 0

  func put(_ part: Part) {
    lock.lock()
    parts.append(part)
    bytes += Self.length(part)
    lock.unlock(withValue: true)
  }

  /// Waits for a part and removes it.
  ///
  /// - Returns: The part, and true if there is room for more.
  func take() -> (Part, hasRoom: Bool) {
    lock.lock(whenValue: true)
    let part = parts.removeFirst()
    bytes -= Self.length(part)
    let hasRoom = bytes < Self.limit
    // A failure ends the connection, so later calls get it again.
    if case .failure = part, parts.isEmpty { parts.append(part) }
    lock.unlock(withValue: !parts.isEmpty)
    return (part, hasRoom)
  }

  /// True if there is room for more parts.
  var hasRoom: Bool {
    lock.lock()
    defer { lock.unlock() }
    return bytes < Self.limit
  }

  private static func length(_ part: Part) -> Int {
    if case .success(.body(let buffer)) = part { buffer.readableBytes } else { 0 }
  }
}

/// Puts received parts into an inbox, and stops reading while the inbox is full.
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
