/// The declaration of a key of a mapping: its name, shape and description.
protocol KeyDeclaration: Sendable {
  /// The declaration without the type of the value.
  var entry: KeyDescription { get }
}

/// A key without the type of its value. The reader of a mapping, the schema and the reference use it.
struct KeyDescription: Sendable {
  var name: String
  /// A sentence about the value.
  var about: String
  /// True if the mapping is invalid without it.
  var isRequired: Bool
  /// Default value. It is read with the same shape as a given value.
  var defaultValue: JSONValue?
  /// Example of a value.
  var example: JSONValue?
  /// Hint for a missing key; `nil` for the hint that suits any key.
  var hint: String?
  var shape: ShapeDescription
  /// Function that reads the value.
  var read: @Sendable (SourceNode, inout Reading) -> (any Sendable)?
}

/// A required key.
struct RequiredKey<Value: Sendable>: KeyDeclaration {
  let entry: KeyDescription

  init(_ name: String, _ shape: Shape<Value>, _ about: String, example: JSONValue? = nil, hint: String? = nil) {
    entry = KeyDescription(
      name: name, about: about, isRequired: true, example: example, hint: hint, shape: shape.description,
      read: shape.read)
  }
}

/// An optional key without a default value.
struct OptionalKey<Value: Sendable>: KeyDeclaration {
  let entry: KeyDescription

  init(_ name: String, _ shape: Shape<Value>, _ about: String, example: JSONValue? = nil) {
    entry = KeyDescription(
      name: name, about: about, isRequired: false, example: example, shape: shape.description, read: shape.read)
  }
}

/// An optional key with a default value.
struct DefaultedKey<Value: Sendable>: KeyDeclaration {
  let entry: KeyDescription
  private let shape: Shape<Value>
  private let defaultValue: JSONValue

  init(
    _ name: String, _ shape: Shape<Value>, default defaultValue: JSONValue, _ about: String, example: JSONValue? = nil
  ) {
    self.shape = shape
    self.defaultValue = defaultValue
    entry = KeyDescription(
      name: name, about: about, isRequired: false, defaultValue: defaultValue, example: example,
      shape: shape.description, read: shape.read)
  }

  /// Returns the default value, as if the file contained it at a position.
  func readDefault(at position: SourcePosition, in reading: Reading) -> Value {
    var scratch = Reading(source: reading.source, fileKind: reading.fileKind)
    guard let value = shape.read(SourceNode(defaultValue, at: position), &scratch) else {
      preconditionFailure("the default of '\(entry.name)' does not have the key's own shape")
    }
    return value
  }
}

extension SourceNode {
  /// Creates a node for a value, as if the file contained it.
  init(_ value: JSONValue, at position: SourcePosition) {
    self.position = position
    switch value {
    case .null: content = .scalar(SourceScalar("", isPlain: true))
    case .truth(let truth): content = .scalar(SourceScalar(truth ? "true" : "false", isPlain: true))
    case .integer(let number): content = .scalar(SourceScalar(String(number), isPlain: true))
    case .text(let text): content = .scalar(SourceScalar(text, isPlain: false))
    case .array(let items): content = .list(items.map { SourceNode($0, at: position) })
    case .object(let entries):
      content = .mapping(
        entries.map { SourceEntry(key: $0.key, position: position, value: SourceNode($0.value, at: position)) })
    }
  }
}
