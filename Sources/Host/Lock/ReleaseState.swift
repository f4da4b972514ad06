import HostSystem

/// The state of an archive's suite when packages were resolved.
public struct ReleaseState: Sendable, Codable, Equatable {
  /// `Date` of the signed index, in seconds since 1970.
  public var date: Int64
  /// SHA-256 of the signed index.
  public var sha256: ContentHash

  public init(date: Int64, sha256: ContentHash) {
    self.date = date
    self.sha256 = sha256
  }
}
