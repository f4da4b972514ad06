import DeviceModel
import Hashing

/// Checks the token of a client.
///
/// The device has only the token's SHA-256, so the token cannot be read from its disk and used elsewhere.
public struct TokenGate: Sendable {
  private static let scheme = "bearer "

  private let hash: Digest

  /// - Parameter hash: The SHA-256 of the token.
  public init(_ hash: Digest) { self.hash = hash }

  /// Returns true if the value of the field `Authorization` has the token (RFC 6750, section 2.1).
  func admits(_ authorization: String?) -> Bool {
    guard let authorization, authorization.lowercased().hasPrefix(Self.scheme) else { return false }
    let token = authorization.dropFirst(Self.scheme.count).drop { $0 == " " }
    // The comparison of digests takes the same time for all values.
    return Digest(of: String(token)) == hash
  }
}
