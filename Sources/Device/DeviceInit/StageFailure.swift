/// The reason why the device cannot be started, as a sentence for the console and the failure record.
public struct StageFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The reason as a sentence.
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}
