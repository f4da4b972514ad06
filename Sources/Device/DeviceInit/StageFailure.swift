/// Why the device cannot be started: a sentence for whoever looks at the console or at the record afterwards.
public struct StageFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Makes a failure.
  public init(_ description: String) {
    self.description = description
  }
}
