/// A value of a YAML file with its place; aliases are replaced by what they stand for.
struct SourceNode: Sendable, Equatable {
  /// What a value holds.
  enum Content: Sendable, Equatable {
    /// A single value.
    case scalar(SourceScalar)
    /// A list.
    case list([SourceNode])
    /// A mapping, in the order of writing; no key twice.
    case mapping([SourceEntry])
    /// A value that stands elsewhere.
    case reference(SourceReference)
  }

  /// What it holds.
  var content: Content
  /// Where it begins.
  var position: SourcePosition

  /// The value of an entry of a mapping.
  ///
  /// - Returns: `nil` where this is no mapping, or has no such key.
  func value(of key: String) -> SourceNode? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }

  /// The value of a scalar that is text; `nil` for everything else.
  var text: String? {
    guard case .scalar(let scalar) = content, case .text(let text) = scalar.value else { return nil }
    return text
  }

  /// Whether the user gave no value.
  var isNull: Bool {
    guard case .scalar(let scalar) = content, case .null = scalar.value else { return false }
    return true
  }

  /// What it is, for a message: `a list`, `the number 80`.
  var kind: String {
    switch content {
    case .list: "a list"
    case .mapping: "a mapping"
    case .scalar(let scalar): scalar.kind
    case .reference(let reference): "the tag \(reference.tag.rawValue)"
    }
  }
}

/// A value that the user did not write down, but said where it stands.
struct SourceReference: Sendable, Equatable {
  /// Where a value can stand.
  enum Tag: String, Sendable, CaseIterable {
    /// The text of a file of the build host.
    case file = "!file"
    /// A variable of the environment.
    case environment = "!env"
  }

  /// Where it stands.
  var tag: Tag
  /// Path of the file, or name of the variable.
  var text: String
}

/// A key of a mapping and its value.
struct SourceEntry: Sendable, Equatable {
  /// The key.
  var key: String
  /// Where the key begins.
  var position: SourcePosition
  /// The value.
  var value: SourceNode
}

/// A single value of a YAML file.
struct SourceScalar: Sendable, Equatable {
  /// What a single value is, by the core schema of YAML 1.2 (section 10.3.2).
  enum Value: Sendable, Equatable {
    case null
    case truth(Bool)
    case integer(Int)
    case decimal
    case text(String)
  }

  /// The text, without quotes.
  var text: String
  /// What it is.
  var value: Value

  /// Makes a scalar.
  ///
  /// - Parameters:
  ///   - text: The text, without quotes.
  ///   - isPlain: Whether it stands without quotes: only then can it be something else than text.
  init(_ text: String, isPlain: Bool) {
    self.text = text
    self.value = isPlain ? Self.resolve(text) : .text(text)
  }

  /// What it is, for a message.
  var kind: String {
    switch value {
    case .null: "nothing"
    case .truth: "the truth value \(text)"
    case .integer, .decimal: "the number \(text)"
    case .text: text.count <= 40 ? "the text '\(text)'" : "text"
    }
  }

  private static func resolve(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .truth(true)
    case "false", "False", "FALSE": return .truth(false)
    default: break
    }
    if text.hasPrefix("0x"), let number = Int(text.dropFirst(2), radix: 16) { return .integer(number) }
    if text.hasPrefix("0o"), let number = Int(text.dropFirst(2), radix: 8) { return .integer(number) }
    // Most values are no numbers, and an expression takes longer than a look.
    guard let first = text.first, "+-.0123456789".contains(first) else { return .text(text) }
    if text.isWhole(#"[-+]?[0-9]+"#) { return Int(text).map(Value.integer) ?? .decimal }
    if text.isWhole(#"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"#) {
      return .decimal
    }
    return .text(text)
  }
}
