import HostSystem

/// State of an archive's suite when packages were taken from it.
public struct ReleaseState: Sendable, Codable, Equatable {
  /// `Date` of its signed index, in seconds since 1970.
  public var date: Int64
  /// SHA-256 of the signed index.
  public var sha256: ContentHash

  /// Makes a state.
  public init(date: Int64, sha256: ContentHash) {
    self.date = date
    self.sha256 = sha256
  }
}
