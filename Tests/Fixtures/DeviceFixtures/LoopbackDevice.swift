import DeviceModel
import Foundation
import ManagementAPI
import TestFixtures

/// The management API as a device has it, on a port of loopback, with a certificate and a token of its own.
public final class LoopbackDevice: Sendable {
  /// The token that it lets in.
  public static let token = "let-me-in"
  /// SHA-256 of the token, as sha256sum says it.
  public static let tokenHash = "a3ee786b5707c27d42570785081ec17f5c7db9262a01366af362a1aa61a420b9"

  /// Its certificate.
  public let certificate: DeviceCertificate
  /// Its port.
  public let port: Int
  private let server: ManagementServer

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - folder: Where it keeps its certificate.
  ///   - port: Any that is free where it is 0.
  public init(
    in folder: String, router: Router, limits: ManagementServer.Limits = .init(), port: Int = 0
  ) throws {
    certificate = try DeviceCertificate(in: folder, name: "test")
    guard let hash = Fingerprint(hexadecimal: Self.tokenHash) else { fatalError("this is no hash") }
    server = try ManagementServer(
      ManagementPlan(addresses: ["127.0.0.1"], port: port, tokenHash: hash), certificate: certificate,
      gate: TokenGate(hash), router: router, limits: limits)
    self.port = server.port ?? 0
  }

  /// Stops listening and ends all connections.
  public func stop() { try? server.stop() }
}
