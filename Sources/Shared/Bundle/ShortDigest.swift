import Hashing

/// The first 16 bytes of a SHA-256 digest. It is used in signed tables, where only the signer chooses the content, so
/// it need not resist collisions made by others.
public struct ShortDigest: Hashable, Sendable {
  /// Bytes of a short digest.
  public static let length = 16

  public let bytes: [UInt8]

  /// Computes the short digest of bytes.
  public init(of bytes: some Sequence<UInt8>) { self.bytes = Array(Digest(of: bytes).bytes.prefix(Self.length)) }

  init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }
}
