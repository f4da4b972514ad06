/// The reason why packages cannot be installed this way, in words for the user of `cultivar`; dpkg can be asked instead.
public struct InstallationFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The reason.
  public let description: String

  /// Makes a failure.
  public init(_ description: String) { self.description = description }
}
