import Bundle
import HTTPClient
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOPosix

/// A bundle on a web server. Only the bytes that are read are downloaded.
///
/// Ranges are requested one after the other over one connection, each as long as the reader continues without a gap.
/// After a failure, the download continues at the same byte. From a server without support for ranges, the file is
/// downloaded from its beginning. The file must not change during the download: the server's statements about its
/// identity are compared, and the reader verifies the bundle's own digests.
public final class HTTPBundleSource: BundleSource {
  /// Maximum number of redirects of an address.
  public static let mostRedirects = 5
  /// Maximum number of interim responses before the final one (RFC 9110, section 15.2).
  private static let mostInterim = 8
  /// Number of bytes in the first request. Most bundle heads are shorter than this.
  private static let firstLength: UInt64 = 16 << 10
  /// Maximum number of unwanted bytes to read before it is better to close the connection.
  private static let mostDropped: UInt64 = 64 << 10

  /// Minimum number of bytes that counts as progress.
  private static let leastGain = 16 << 10

  /// The address of the bundle.
  public let address: WebAddress
  /// Number of bytes received, including repeated ones.
  public private(set) var fetched: UInt64 = 0
  /// Number of requests sent.
  public private(set) var requests = 0

  private let options: DownloadOptions
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private var verification: ServerVerification?
  private var connection: HTTPConnection?
  /// True after the connection's first response: from then on the server may close it at any time.
  private var isConnectionUsed = false
  /// The address after all redirects.
  private var location: WebAddress
  private var identity: FileIdentity?
  private var answer: Answer?
  /// Number of attempts since the last progress, and bytes received since the last failed attempt.
  private var failures = 0
  private var gained = 0

  /// The body of a response, from the first byte that was not read.
  private struct Answer {
    /// Offset of the next byte in the file.
    var place: UInt64
    /// Offset of the body's end; `nil` if the server ends it by closing the connection.
    var end: UInt64?
    /// True for the requested range, false for the whole file.
    var isRange: Bool
    /// True if the connection can be used for another request.
    var isKeptAlive: Bool
    /// Received bytes that were not read.
    var buffer = ByteBuffer()
    /// Time spent waiting for the body and bytes received since the last check of its speed.
    var waited = Duration.zero
    var came = 0
  }

  /// Makes a source. Nothing is requested before the first read.
  public init(_ address: WebAddress, _ options: DownloadOptions = DownloadOptions()) {
    (self.address, self.options, location) = (address, options, address)
  }

  deinit {
    connection = nil
    try? group.syncShutdownGracefully()
  }

  /// - Throws: ``DownloadFailure``, `BundleFailure.truncated`.
  public func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let place = offset + UInt64(bytes.count)
      if let total = identity?.total, place >= total { throw BundleFailure.truncated(part: part) }
      try fetch(at: place, upTo: max(end, offset + UInt64(count)), most: count - bytes.count, to: &bytes)
    }
    return bytes
  }

  /// Downloads a whole small file.
  ///
  /// - Parameter limit: Maximum size in bytes.
  /// - Throws: ``DownloadFailure``.
  public func all(atMost limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while identity?.total.map({ UInt64(bytes.count) < $0 }) ?? true {
      try fetch(at: UInt64(bytes.count), upTo: UInt64(limit) + 1, most: limit + 1 - bytes.count, to: &bytes)
      guard bytes.count <= limit else { throw DownloadFailure.tooLong(address: address.withoutQuery, limit: limit) }
    }
    return bytes
  }

  /// Downloads some bytes, perhaps none, and handles temporary problems.
  private func fetch(at place: UInt64, upTo end: UInt64, most limit: Int, to bytes: inout [UInt8]) throws {
    do {
      try advance(to: place, upTo: end)
      try take(limit, to: &bytes)
    } catch let obstacle as Obstacle {
      try overcome(obstacle)
    } catch let error as DownloadFailure {
      throw error
    } catch {
      try overcome(Obstacle("\(error)"))
    }
  }

  /// Waits before the next attempt, or fails after too many.
  private func overcome(_ obstacle: Obstacle) throws(DownloadFailure) {
    (connection, answer) = (nil, nil)
    // The target of a redirect may be valid for a short time only.
    location = address
    failures += 1
    gained = 0
    let patience = options.patience
    guard failures < patience.attempts else {
      throw .gaveUp(address: address.withoutQuery, attempts: failures, reason: obstacle.reason)
    }
    if let wait = obstacle.wait, wait > patience.longestAskedPause {
      throw .comeAgain(after: wait, address: address.withoutQuery)
    }
    options.pause(max(options.pause(after: failures), Double(obstacle.wait ?? 0)))
  }

  // MARK: Bodies

  /// Prepares a response so that its next byte is at `place` in the file.
  private func advance(to place: UInt64, upTo end: UInt64) throws {
    if let answer, answer.isRange, answer.end.map({ $0 <= place }) ?? false || answer.place + Self.mostDropped < place {
      try finish()
    }
    if answer == nil { try ask(for: place..<max(end, identity == nil ? place + Self.firstLength : 0)) }
    while let answer, answer.place < place {
      var dropped: [UInt8] = []
      try take(Int(min(place - answer.place, Self.mostDropped)), to: &dropped)
    }
  }

  /// Reads some bytes of the response; none at its end.
  private func take(_ limit: Int, to bytes: inout [UInt8]) throws {
    guard answer != nil else { return }
    if answer?.buffer.readableBytes == 0 {
      guard let buffer = try receive() else { return }
      answer?.buffer = buffer
    }
    let count = min(limit, answer?.buffer.readableBytes ?? 0)
    guard let some = answer?.buffer.readBytes(length: count) else { return }
    bytes += some
    answer?.place += UInt64(count)
    // One byte in each attempt does not count as progress: the download would never end.
    gained += count
    if gained >= Self.leastGain { failures = 0 }
  }

  /// Waits for the next bytes of the body; `nil` at its end, after checking its length.
  private func receive() throws -> ByteBuffer? {
    guard let connection, let current = answer else { return nil }
    let start = ContinuousClock.now
    let part = try connection.next(within: .seconds(Int64(options.patience.silence))).wait()
    switch part {
    case .head: throw Obstacle("the server sent two answers to one request")
    case .body(let buffer):
      fetched += UInt64(buffer.readableBytes)
      try note(buffer.readableBytes, after: ContinuousClock.now - start)
      if let end = current.end, current.place + UInt64(buffer.readableBytes) > end {
        throw Obstacle("the answer is longer than its header says")
      }
      return buffer
    case .end:
      if let end = current.end {
        guard current.place == end else { throw Obstacle("the answer is shorter than its header says") }
      } else {
        identity?.total = current.place
      }
      if !current.isKeptAlive { self.connection = nil }
      answer = nil
      return nil
    }
  }

  /// Checks the speed of the body. Only time spent waiting counts, not time spent on processing the bytes.
  private func note(_ count: Int, after wait: Duration) throws {
    answer?.waited += wait
    answer?.came += count
    guard let current = answer, current.waited >= .seconds(options.patience.silence) else { return }
    guard current.came >= options.patience.leastBytes else {
      throw Obstacle("fewer than \(options.patience.leastBytes) bytes came in \(options.patience.silence) s")
    }
    answer?.waited = .zero
    answer?.came = 0
  }

  /// Ends a response. Keeps the connection if only few bytes are left.
  private func finish() throws {
    while let current = answer {
      guard let end = current.end, end - current.place <= Self.mostDropped else {
        (connection, answer) = (nil, nil)
        return
      }
      var dropped: [UInt8] = []
      try take(Int(max(end - current.place, 1)), to: &dropped)
    }
  }

  // MARK: Requests

  /// Requests a range, following redirects.
  private func ask(for range: Range<UInt64>) throws {
    for _ in 0...Self.mostRedirects {
      let head = try exchange(range)
      if (300..<400).contains(head.status.code), let target = head.headers.first(name: "Location") {
        try follow(target, head)
      } else {
        return try accept(head, for: range)
      }
    }
    throw DownloadFailure.tooManyRedirects(address: address.withoutQuery)
  }

  /// Sends a request and waits for the head of the response. If the server has closed an existing connection, repeats
  /// the request over a new one.
  private func exchange(_ range: Range<UInt64>) throws -> HTTPResponseHead {
    while true {
      let connection = try self.connection(to: location.origin)
      let wasUsed = isConnectionUsed
      do {
        requests += 1
        connection.send(.head(connection.head(.GET, location.target, fields(for: range))))
        connection.send(.end(nil))
        return try answer(over: connection)
      } catch {
        self.connection = nil
        guard wasUsed else { throw error }
      }
    }
  }

  /// Waits for the head of the final response.
  private func answer(over connection: HTTPConnection) throws -> HTTPResponseHead {
    for _ in 0...Self.mostInterim {
      let part = try connection.next(within: .seconds(Int64(options.patience.answering))).wait()
      isConnectionUsed = true
      guard case .head(let head) = part else { throw Obstacle("the answer has no header") }
      if head.status.code >= 200 { return head }
    }
    throw Obstacle("the answer does not come")
  }

  private func connection(to origin: WebAddress.Origin) throws -> HTTPConnection {
    if let connection, connection.origin == origin { return connection }
    do {
      if origin.isSecure, verification == nil { verification = try ServerVerification(options.trust) }
      (connection, isConnectionUsed) = (nil, false)
      let made = try HTTPConnection.open(
        to: origin, by: try options.route(origin), verification,
        timeout: .seconds(Int64(options.patience.connecting)), on: group
      ).wait()
      connection = made
      return made
    } catch HTTPFailure.untrusted(let reason, _) {
      throw DownloadFailure.untrusted(host: origin.host, reason: reason)
    } catch let error as ServerVerification.UnreadableCertificates {
      throw DownloadFailure.certificates(path: error.path, reason: error.reason)
    }
  }

  private func fields(for range: Range<UInt64>) -> [(String, String)] {
    var fields = [
      ("Accept-Encoding", "identity"), ("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"),
    ]
    if let condition = identity?.condition { fields.append(("If-Range", condition)) }
    if let authorization = options.authorization, location.origin == address.origin {
      fields.append(("Authorization", authorization))
    }
    return fields
  }

  private func follow(_ target: String, _ head: HTTPResponseHead) throws {
    let next: WebAddress
    do throws(WebAddress.Malformed) { next = try location.following(target) } catch {
      throw DownloadFailure.badRedirect(address: location.withoutQuery, reason: error.reason)
    }
    guard next.origin.isSecure || !location.origin.isSecure else {
      throw DownloadFailure.badRedirect(
        address: location.withoutQuery, reason: "is not encrypted")
    }
    try dropBody(of: head)
    location = next
  }

  /// Discards the body of a response, or closes the connection if the body is long.
  private func dropBody(of head: HTTPResponseHead) throws {
    var rest = Self.mostDropped
    while head.isKeepAlive, let connection {
      guard case .body(let buffer) = try connection.next(within: .seconds(Int64(options.patience.silence))).wait()
      else { return }
      guard buffer.readableBytes <= rest else { break }
      rest -= UInt64(buffer.readableBytes)
    }
    connection = nil
  }

  /// Checks the head of a response.
  private func accept(_ head: HTTPResponseHead, for range: Range<UInt64>) throws {
    if let encoding = head.headers.first(name: "Content-Encoding"), encoding.lowercased() != "identity" {
      throw Obstacle("the server sends the file with a content encoding: \(encoding)")
    }
    switch head.status.code {
    case 206:
      guard let said = head.headers.first(name: "Content-Range").flatMap(ContentRange.init), let bytes = said.bytes,
        bytes.lowerBound == range.lowerBound, bytes.upperBound <= range.upperBound,
        head.contentLength.map({ $0 == UInt64(bytes.count) }) ?? true
      else { throw Obstacle("the server sends a different range than requested") }
      try compare(FileIdentity(head, total: said.total))
      answer = Answer(place: bytes.lowerBound, end: bytes.upperBound, isRange: true, isKeptAlive: head.isKeepAlive)
    case 200:
      try compare(FileIdentity(head, total: head.contentLength))
      answer = Answer(place: 0, end: head.contentLength, isRange: false, isKeptAlive: head.isKeepAlive)
    case 416:
      // The file is too short. The reader notices this from the length.
      let said = head.headers.first(name: "Content-Range").flatMap(ContentRange.init)
      guard let total = said?.total, total <= range.lowerBound else {
        throw Obstacle("the server refuses a range that the file should have")
      }
      try compare(FileIdentity(head, total: total))
      try dropBody(of: head)
    case 408, 425, 429, 500, 502, 503, 504:
      throw Obstacle("the server returned status \(head.status.code)", wait: head.retryAfter(now: Clock.seconds))
    default:
      guard location == address else { throw Obstacle("\(location.withoutQuery) returned status \(head.status.code)") }
      throw DownloadFailure.status(head.status.code, address: address.withoutQuery)
    }
  }

  private func compare(_ said: FileIdentity) throws(DownloadFailure) {
    guard let known = identity else { return identity = said }
    guard known.mayBe(said) else { throw .changed(address: address.withoutQuery) }
    if known.total == nil { identity?.total = said.total }
  }
}
