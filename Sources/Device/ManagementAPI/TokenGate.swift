import Crypto
import DeviceModel

/// Lets those in who have the token.
///
/// The device knows the token's SHA-256 only: who reads its disk cannot use it elsewhere.
public struct TokenGate: Sendable {
  private static let scheme = "bearer "

  private let hash: [UInt8]

  /// Makes a gate.
  ///
  /// - Parameter hash: SHA-256 of the token.
  public init(_ hash: Fingerprint) { self.hash = hash.bytes }

  /// Whether the value of the field `Authorization` has the token (RFC 6750, section 2.1).
  func admits(_ authorization: String?) -> Bool {
    guard let authorization, authorization.lowercased().hasPrefix(Self.scheme) else { return false }
    let token = authorization.dropFirst(Self.scheme.count).drop { $0 == " " }
    // Digests are compared in a time that does not depend on their bytes.
    return SHA256.hash(data: Array(token.utf8)) == hash
  }
}
