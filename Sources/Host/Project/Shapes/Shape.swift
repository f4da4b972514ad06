/// What a value of a project file looks like, declared once: how it is read, and how schema and reference describe it.
///
/// Reading returns `nil` where the value cannot be used; the reason is in the reading's diagnostics then, and reading
/// goes on with the next value, so that one run finds every mistake.
struct Shape<Value: Sendable>: Sendable {
  /// Description for schema and reference.
  let description: ShapeDescription
  /// Reads a value.
  let read: @Sendable (SourceNode, inout Reading) -> Value?

  init(_ description: ShapeDescription, read: @escaping @Sendable (SourceNode, inout Reading) -> Value?) {
    self.description = description
    self.read = read
  }

  /// The same shape with another value made of what was read.
  func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Shape<Other> {
    Shape<Other>(description) { node, reading in read(node, &reading).map(transform) }
  }

  /// The same shape with a further check, which may report a problem at the node and refuse the value.
  func checked(
    _ check: @escaping @Sendable (Value, SourceNode, inout Reading) -> Value?
  ) -> Shape<Value> {
    converted(check)
  }

  /// The same shape with another value made of what was read, which may be refused.
  func converted<Other: Sendable>(
    _ convert: @escaping @Sendable (Value, SourceNode, inout Reading) -> Other?
  ) -> Shape<Other> {
    Shape<Other>(description) { node, reading in
      guard let value = read(node, &reading) else { return nil }
      return convert(value, node, &reading)
    }
  }

  /// The same shape with the place of the value.
  var located: Shape<Located<Value>> {
    Shape<Located<Value>>(description) { node, reading in
      read(node, &reading).map { Located(value: $0, position: node.position) }
    }
  }
}

/// A shape as schema and reference see it.
indirect enum ShapeDescription: Sendable {
  /// Text.
  case text(TextDescription)
  /// A whole number.
  case integer(ClosedRange<Int>)
  /// `true` or `false`.
  case truth
  /// One of a few words.
  case choice([String])
  /// A list of values of one shape.
  case list(ShapeDescription, minimumCount: Int)
  /// A mapping from names that the user chooses to values of one shape.
  case dictionary(key: TextDescription, value: ShapeDescription, minimumCount: Int)
  /// A mapping with known keys.
  case object(ObjectDescription)
  /// A mapping whose known keys depend on the word at one of them.
  case variants(key: String, [(word: String, object: ObjectDescription)])
  /// One of several shapes.
  case either([ShapeDescription])
}

/// Text as schema and reference see it.
struct TextDescription: Sendable {
  /// What it is, with its article: `a size like 64M`.
  var noun: String
  /// Regular expression of the whole text, in the common part of ECMA-262 and ICU; `nil` where every text will do.
  var pattern: String?
}

/// A mapping with known keys as schema and reference see it.
struct ObjectDescription: Sendable {
  /// What it is: `image`.
  var noun: String
  /// One sentence or a few.
  var about: String
  /// The keys, in the order of the reference.
  var keys: [KeyDescription]
  /// What holds between the keys.
  var rules: [ObjectRule]
}
