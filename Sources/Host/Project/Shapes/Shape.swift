/// The shape of a value in a project file: a function that reads it, and a description for schema and reference.
///
/// Reading returns `nil` if the value is invalid, and records the reason in the diagnostics of the reading. It
/// continues with the next value, so that one run finds all mistakes.
struct Shape<Value: Sendable>: Sendable {
  /// Description for schema and reference.
  let description: ShapeDescription
  /// Function that reads a value.
  let read: @Sendable (SourceNode, inout Reading) -> Value?

  init(_ description: ShapeDescription, read: @escaping @Sendable (SourceNode, inout Reading) -> Value?) {
    self.description = description
    self.read = read
  }

  /// Returns the same shape with its value transformed.
  func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Shape<Other> {
    Shape<Other>(description) { node, reading in read(node, &reading).map(transform) }
  }

  /// Returns the same shape with an additional check, which can report a problem at the node and reject the value.
  func checked(
    _ check: @escaping @Sendable (Value, SourceNode, inout Reading) -> Value?
  ) -> Shape<Value> {
    converted(check)
  }

  /// Returns the same shape with its value converted. The conversion can reject the value.
  func converted<Other: Sendable>(
    _ convert: @escaping @Sendable (Value, SourceNode, inout Reading) -> Other?
  ) -> Shape<Other> {
    Shape<Other>(description) { node, reading in
      guard let value = read(node, &reading) else { return nil }
      return convert(value, node, &reading)
    }
  }

  /// The same shape, with the position of the value.
  var located: Shape<Located<Value>> {
    Shape<Located<Value>>(description) { node, reading in
      read(node, &reading).map { Located(value: $0, position: node.position) }
    }
  }
}

/// The description of a shape, for schema and reference.
indirect enum ShapeDescription: Sendable {
  case text(TextDescription)
  case integer(ClosedRange<Int>)
  /// `true` or `false`.
  case truth
  /// One of several words.
  case choice([String])
  /// A list of values of one shape.
  case list(ShapeDescription, minimumCount: Int)
  /// A mapping from user-defined names to values of one shape.
  case dictionary(key: TextDescription, value: ShapeDescription, minimumCount: Int)
  /// A mapping with known keys.
  case object(ObjectDescription)
  /// A mapping whose known keys depend on the value of one key.
  case variants(key: String, [(word: String, object: ObjectDescription)])
  /// One of several shapes.
  case either([ShapeDescription])
}

/// The description of a text, for schema and reference.
struct TextDescription: Sendable {
  /// Noun with its article: `a size like 64M`.
  var noun: String
  /// Regular expression for the whole text, in the syntax that ECMA-262 and Swift share; `nil` to accept any text.
  var pattern: String?
}

/// The description of a mapping with known keys, for schema and reference.
struct ObjectDescription: Sendable {
  /// Kind of the mapping: `image`.
  var noun: String
  /// Description in one or a few sentences.
  var about: String
  /// Keys, in the order of the reference.
  var keys: [KeyDescription]
  /// Rules about the keys.
  var rules: [ObjectRule]
}
