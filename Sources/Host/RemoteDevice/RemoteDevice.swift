import DeviceModel
import FoundationEssentials
import Hashing
import HostNetwork
import LinuxSystem
import NIOCore
import NIOHTTP1

/// A device that is managed over its API.
public struct RemoteDevice: Sendable {
  /// Maximum time for the response to a simple request, and between two parts of a stream of events.
  private static let silence = TimeAmount.seconds(20)
  /// Maximum size of a response in bytes.
  private static let answerLimit = 4 << 20

  public let address: DeviceAddress
  private let connection: DeviceConnection

  /// - Parameter fingerprint: SHA-256 of the device's certificate. No other certificate is accepted.
  public init(_ address: DeviceAddress, fingerprint: Digest, token: BearerToken, network: HostNetwork) {
    self.address = address
    connection = DeviceConnection(address: address, fingerprint: fingerprint, token: token, network: network)
  }

  /// Returns the fingerprint of the certificate at an address. The user has to verify that it is the device's.
  ///
  /// - Throws: ``RemoteFailure/notReachable(_:reason:)``.
  public static func presentedFingerprint(
    at address: DeviceAddress, network: HostNetwork
  ) async throws -> Digest {
    try await DeviceConnection(address: address, fingerprint: nil, token: nil, network: network)
      .presentedFingerprint()
  }

  /// Returns the state of the device's slots, its current activity and the results of its last updates.
  public func updateStatus() async throws -> UpdateStatus {
    try await ask(.GET, "/v1/update", silence: Self.silence)
  }

  /// Sends a bundle, and waits until it is installed.
  ///
  /// - Throws: ``RemoteFailure``. It is ``RemoteFailure/lost(_:)`` also if the device restarts before its response
  ///   arrives.
  public func install(
    _ bundle: URL, _ options: UpdateRequest.Options = UpdateRequest.Options()
  ) async throws -> UpdateRecord {
    let query =
      "restart=\(options.restart.rawValue)&force=\(options.force ? 1 : 0)"
      + (options.allowDowngrade ? "&allowDowngrade=1" : "")
    return try await ask(.POST, "/v1/update?\(query)", .file(bundle), silence: nil)
  }

  /// Tells the device to download a bundle, and waits until it is installed.
  public func fetch(_ request: FetchRequest) async throws -> UpdateRecord {
    try await ask(.POST, "/v1/update/fetch", .bytes(Array(try JSONEncoder().encode(request))), silence: nil)
  }

  /// Follows the device's events until `receive` returns false or the connection ends.
  ///
  /// - Parameter receive: Closure that gets each new status, and `nil` for data without a new status. It returns true
  ///   to continue.
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

  /// Returns the error that an unexpected response reports.
  private func failure(_ status: Int, _ body: [UInt8]) throws -> RemoteFailure {
    guard status != 401 else { return .tokenRefused(address) }
    guard let reason = try? JSONDecoder().decode([String: String].self, from: Data(body))["error"] else {
      return .noAnswer(address, status: status)
    }
    return .refused(status: status, reason: reason.escapedForTerminal)
  }
}

/// Parses a stream of events (HTML Standard, section 9.2.6). Supports only the form that devices send: one line of data
/// for each event.
struct EventLines {
  private var lines = LineBuffer(limit: 1 << 20)

  /// The beginning of an incomplete line.
  var rest: [UInt8] { lines.rest }

  /// - Returns: The data of the complete events.
  mutating func add(_ part: ByteBuffer) throws(LineBuffer.TooLong) -> [[UInt8]] {
    lines.add(part.readableBytesView)
    var events: [[UInt8]] = []
    while let line = try lines.next() {
      if line.starts(with: Array("data: ".utf8)) { events.append(Array(line.dropFirst(6))) }
    }
    return events
  }
}
