/// An error in a record of tagged fields.
public struct FieldFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The problem and its field.
  public let description: String

  public init(_ description: String) { self.description = description }
}
