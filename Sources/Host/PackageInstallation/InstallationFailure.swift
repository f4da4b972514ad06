/// The reason why this program cannot install the packages, for the user of `cultivar`. dpkg may still be able to.
public struct InstallationFailure: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
