/// A key of a mapping: name, shape and words, declared once.
protocol KeyDeclaration: Sendable {
  /// The declaration without its type.
  var entry: KeyDescription { get }
}

/// A key without the type of its value: what the reader of a mapping, the schema and the reference go by.
struct KeyDescription: Sendable {
  /// The key.
  var name: String
  /// One sentence: what the value says.
  var about: String
  /// Whether the mapping is nothing without it.
  var isRequired: Bool
  /// What holds where the key is not given; read by the same shape as a given value.
  var defaultValue: JSONValue?
  /// A value to show.
  var example: JSONValue?
  /// What to do where it is missing; `nil` for what can be said of any key.
  var hint: String?
  /// Shape of the value.
  var shape: ShapeDescription
  /// Reads the value.
  var read: @Sendable (SourceNode, inout Reading) -> (any Sendable)?
}

/// A key that must be given.
struct RequiredKey<Value: Sendable>: KeyDeclaration {
  let entry: KeyDescription

  init(_ name: String, _ shape: Shape<Value>, _ about: String, example: JSONValue? = nil, hint: String? = nil) {
    entry = KeyDescription(
      name: name, about: about, isRequired: true, example: example, hint: hint, shape: shape.description,
      read: shape.read)
  }
}

/// A key that may be left out, and says nothing then.
struct OptionalKey<Value: Sendable>: KeyDeclaration {
  let entry: KeyDescription

  init(_ name: String, _ shape: Shape<Value>, _ about: String, example: JSONValue? = nil) {
    entry = KeyDescription(
      name: name, about: about, isRequired: false, example: example, shape: shape.description, read: shape.read)
  }
}

/// A key that may be left out, with the value that holds then.
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

  /// The default, read as if it had been written at a place.
  func readDefault(at position: SourcePosition, in reading: Reading) -> Value {
    var scratch = Reading(source: reading.source, fileKind: reading.fileKind)
    guard let value = shape.read(SourceNode(defaultValue, at: position), &scratch) else {
      preconditionFailure("the default of '\(entry.name)' does not have the key's own shape")
    }
    return value
  }
}

extension SourceNode {
  /// A value as if it had been written in the file.
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
