/// A value of a YAML file with its position. Aliases are replaced by their values.
struct SourceNode: Sendable, Equatable {
  /// The content of a value.
  enum Content: Sendable, Equatable {
    /// A single value.
    case scalar(SourceScalar)
    case list([SourceNode])
    /// A mapping, in the order of the file. Each key occurs once.
    case mapping([SourceEntry])
    /// A reference to a value outside the file.
    case reference(SourceReference)
  }

  var content: Content
  /// Beginning of the value.
  var position: SourcePosition

  /// Returns the value of a key; `nil` if this is not a mapping or has no such key.
  func value(of key: String) -> SourceNode? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }

  /// The value of a scalar that is text; `nil` for other values.
  var text: String? {
    guard case .scalar(let scalar) = content, case .text(let text) = scalar.value else { return nil }
    return text
  }

  /// True if the value is empty or null.
  var isNull: Bool {
    guard case .scalar(let scalar) = content, case .null = scalar.value else { return false }
    return true
  }

  /// Kind of the value, for a message: `a list`, `the number 80`.
  var kind: String {
    switch content {
    case .list: "a list"
    case .mapping: "a mapping"
    case .scalar(let scalar): scalar.kind
    case .reference(let reference): "the tag \(reference.tag.rawValue)"
    }
  }
}

/// A reference to a value outside the YAML file.
struct SourceReference: Sendable, Equatable {
  /// The place of a value.
  enum Tag: String, Sendable, CaseIterable {
    /// The text of a file of the build host.
    case file = "!file"
    /// An environment variable.
    case environment = "!env"
  }

  var tag: Tag
  /// Path of the file, or name of the environment variable.
  var text: String
}

/// A key of a mapping and its value.
struct SourceEntry: Sendable, Equatable {
  var key: String
  /// Beginning of the key.
  var position: SourcePosition
  var value: SourceNode
}

/// A single value of a YAML file.
struct SourceScalar: Sendable, Equatable {
  /// The interpretation of a single value by the core schema of YAML 1.2 (section 10.3.2).
  enum Value: Sendable, Equatable {
    case null
    case truth(Bool)
    case integer(Int)
    case decimal
    case text(String)
  }

  /// Text without quotes.
  var text: String
  var value: Value

  /// - Parameters:
  ///   - text: Text without quotes.
  ///   - isPlain: True if it is written without quotes. Only then can it be anything other than text.
  init(_ text: String, isPlain: Bool) {
    self.text = text
    self.value = isPlain ? Self.resolve(text) : .text(text)
  }

  /// Kind of the value, for a message.
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
    // Most values are not numbers. This check is faster than a regular expression.
    guard let first = text.first, "+-.0123456789".contains(first) else { return .text(text) }
    if text.isWhole(#"[-+]?[0-9]+"#) { return Int(text).map(Value.integer) ?? .decimal }
    if text.isWhole(#"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"#) {
      return .decimal
    }
    return .text(text)
  }
}
