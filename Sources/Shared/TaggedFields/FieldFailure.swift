/// Why bytes are not the fields that a format asks for.
public struct FieldFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong, and in which field.
  public let description: String

  /// Makes an error with words of its own.
  public init(_ description: String) { self.description = description }
}
