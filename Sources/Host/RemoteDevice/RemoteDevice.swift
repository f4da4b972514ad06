import DeviceModel
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A device that is managed over its API.
public struct RemoteDevice: Sendable {
  /// Seconds within which a plain question is answered, and without a byte of a stream of events.
  private static let silence = TimeAmount.seconds(20)
  /// Bytes that an answer may have.
  private static let answerLimit = 4 << 20

  /// Where it is.
  public let address: DeviceAddress
  private let connection: DeviceConnection

  /// Names a device.
  ///
  /// - Parameter fingerprint: SHA-256 of its certificate: nobody else is talked to.
  public init(_ address: DeviceAddress, fingerprint: Fingerprint, token: BearerToken) {
    self.address = address
    connection = DeviceConnection(address: address, fingerprint: fingerprint, token: token)
  }

  /// The fingerprint of whoever answers at an address; it is for a user to say whether that is the device.
  ///
  /// - Throws: ``RemoteFailure/notReachable(_:reason:)``.
  public static func presentedFingerprint(at address: DeviceAddress) async throws -> Fingerprint {
    try await DeviceConnection(address: address, fingerprint: nil, token: nil).presentedFingerprint()
  }

  /// What its slots hold, what is being done, and what became of the last updates.
  public func updateStatus() async throws -> UpdateStatus {
    try await ask(.GET, "/v1/update", silence: Self.silence)
  }

  /// Sends a bundle, and waits until it is installed.
  ///
  /// - Throws: ``RemoteFailure``; ``RemoteFailure/lost(_:)`` also where the device restarts before its answer came through.
  public func install(
    _ bundle: URL, _ options: UpdateRequest.Options = UpdateRequest.Options()
  ) async throws -> UpdateRecord {
    let query =
      "restart=\(options.restart.rawValue)&force=\(options.force ? 1 : 0)"
      + (options.allowDowngrade ? "&allowDowngrade=1" : "")
    return try await ask(.POST, "/v1/update?\(query)", .file(bundle), silence: nil)
  }

  /// Has the device fetch a bundle itself, and waits until it is installed.
  public func fetch(_ request: FetchRequest) async throws -> UpdateRecord {
    try await ask(.POST, "/v1/update/fetch", .bytes(Array(try JSONEncoder().encode(request))), silence: nil)
  }

  /// Follows what happens, until `receive` says that it has seen enough, or the connection ends.
  ///
  /// - Parameter receive: Gets the status whenever it is another one, and `nil` now and then where it is not; says whether to go on.
  /// - Throws: ``RemoteFailure``.
  public func follow(_ receive: (UpdateStatus?) async throws -> Bool) async throws {
    struct Enough: Error {}
    var lines = EventLines()
    do {
      let status = try await connection.perform(.GET, "/v1/update/events", silence: Self.silence) { status, part in
        let news = try lines.add(part).map { try JSONDecoder().decode(UpdateStatus.self, from: Data($0)) }
        guard status == 200 else { return }
        for event in news.isEmpty ? [nil] : news.map(Optional.some) {
          guard try await receive(event) else { throw Enough() }
        }
      }
      guard status == 200 else { throw try failure(status, lines.rest) }
    } catch is Enough {}
  }

  private func ask<Answer: Decodable>(
    _ method: HTTPMethod, _ path: String, _ body: DeviceConnection.Body = .none, silence: TimeAmount?
  ) async throws -> Answer {
    var bytes: [UInt8] = []
    let status = try await connection.perform(method, path, body, silence: silence) { _, part in
      bytes += part.readableBytesView
      guard bytes.count <= Self.answerLimit else { throw RemoteFailure.lost(address) }
    }
    guard status == 200, let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes)) else {
      throw try failure(status, bytes)
    }
    return answer
  }

  /// What an answer means that is not the one that was wanted.
  private func failure(_ status: Int, _ body: [UInt8]) throws -> RemoteFailure {
    guard status != 401 else { return .tokenRefused(address) }
    guard let reason = try? JSONDecoder().decode([String: String].self, from: Data(body))["error"] else {
      return .noAnswer(address, status: status)
    }
    return .refused(status: status, reason: reason.escapedForTerminal)
  }
}

/// Puts a stream of events together from its parts (HTML Standard, section 9.2.6), as far as devices use it: one line of data each.
struct EventLines {
  private static let lineLimit = 1 << 20

  /// What is not a whole line yet.
  private(set) var rest: [UInt8] = []

  /// - Returns: The data of the events that are complete.
  mutating func add(_ part: ByteBuffer) throws(LineTooLong) -> [[UInt8]] {
    rest += part.readableBytesView
    var events: [[UInt8]] = []
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest[..<end]
      if line.starts(with: Array("data: ".utf8)) { events.append(Array(line.dropFirst(6))) }
      rest.removeSubrange(...end)
    }
    guard rest.count <= Self.lineLimit else { throw LineTooLong() }
    return events
  }

  /// Nothing of ours.
  struct LineTooLong: Error {}
}
