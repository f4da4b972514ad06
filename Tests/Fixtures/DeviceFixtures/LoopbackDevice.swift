import DeviceModel
import Foundation
import Hashing
import ManagementAPI
import TestFixtures

/// The management API of a device on a loopback port, with its own certificate and token.
public final class LoopbackDevice: Sendable {
  /// The valid token.
  public static let token = "let-me-in"
  /// The SHA-256 of the token, as printed by sha256sum.
  public static let tokenHash = "a3ee786b5707c27d42570785081ec17f5c7db9262a01366af362a1aa61a420b9"

  public let certificate: DeviceCertificate
  public let port: Int
  private let server: ManagementServer

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - folder: The folder for its certificate.
  ///   - port: The port, or 0 for any free one.
  public init(
    in folder: String, router: Router, limits: ManagementServer.Limits = .init(), port: Int = 0
  ) throws {
    certificate = try DeviceCertificate(in: folder, name: "test")
    guard let hash = Digest(fingerprint: Self.tokenHash) else { fatalError("this is no hash") }
    server = try ManagementServer(
      ManagementPlan(addresses: ["127.0.0.1"], port: port, tokenHash: hash), certificate: certificate,
      gate: TokenGate(hash), router: router, limits: limits)
    self.port = server.port ?? 0
  }

  /// Stops listening and ends all connections.
  public func stop() { try? server.stop() }
}
