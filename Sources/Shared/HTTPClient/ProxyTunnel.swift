import NIOCore

/// Asks a proxy for a tunnel to a server before any handler behind this one notices the connection (RFC 9110, section
/// 9.3.6).
final class ProxyTunnel: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Maximum bytes of the proxy's answer.
  private static let answerLimit = 16 << 10

  private let proxy: HTTPProxy
  private let target: String
  private var answer: [UInt8] = []
  private var isOpen = false

  init(through proxy: HTTPProxy, to origin: WebAddress.Origin) {
    self.proxy = proxy
    target = origin.host.contains(":") ? "[\(origin.host)]:\(origin.port)" : "\(origin.host):\(origin.port)"
  }

  func channelActive(context: ChannelHandlerContext) {
    let authorization = proxy.authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
    let request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\nUser-Agent: cultivar\r\n\(authorization)\r\n"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOpen else { return context.fireChannelRead(data) }
    answer += unwrapInboundIn(data).readableBytesView
    guard let end = answer.firstEnd(of: Array("\r\n\r\n".utf8)) else {
      if answer.count > Self.answerLimit { fail("does not speak HTTP", context) }
      return
    }
    let line = String(decoding: answer.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      return fail("does not speak HTTP", context)
    }
    guard (200..<300).contains(status) else {
      return fail("refuses a connection to \(target) with status \(status)", context)
    }
    isOpen = true
    let rest = ByteBuffer(bytes: answer[end...])
    answer = []
    context.fireChannelActive()
    if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
  }

  private func fail(_ reason: String, _ context: ChannelHandlerContext) {
    context.fireErrorCaught(HTTPFailure.notConnected(reason: "the proxy \(proxy.name) \(reason)"))
    context.close(promise: nil)
  }
}

extension [UInt8] {
  /// The index after the first occurrence of a pattern.
  fileprivate func firstEnd(of pattern: [UInt8]) -> Int? {
    indices.first { self[$0...].starts(with: pattern) }.map { $0 + pattern.count }
  }
}
