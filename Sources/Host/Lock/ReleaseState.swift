import Hashing
import HostSystem

/// The state of an archive's suite when packages were resolved.
public struct ReleaseState: Sendable, Codable, Equatable {
  /// `Date` of the signed index, in seconds since 1970.
  public var date: Int64
  /// SHA-256 of the signed index.
  public var sha256: Digest

  public init(date: Int64, sha256: Digest) {
    self.date = date
    self.sha256 = sha256
  }
}
