import FoundationEssentials

/// The type of a layer's variable.
public enum VariableType: String, Sendable, CaseIterable {
  /// Text, with an optional pattern.
  case string
  /// A whole number, with an optional range.
  case integer
  /// `true` or `false`.
  case boolean
  /// One of several words.
  case enumeration
  /// A list of texts, with an optional pattern.
  case list
  /// A size like 64M, with an optional range.
  case size
  /// A time like 10s, with an optional range.
  case duration
  /// An absolute path in the image.
  case path
  /// Text that is never shown.
  case secret
}

/// A variable that a layer declares.
struct VariableDeclaration: Sendable, Equatable, NamedPart {
  /// Name within its layer.
  var name: String
  /// Position of the name.
  var position: SourcePosition
  var type: VariableType
  /// A sentence about its effect.
  var about: String
  /// Default value; `nil` if a value must be set.
  var defaultValue: SourceNode?
  /// Regular expression for the whole text, or for each entry of a list.
  var pattern: String?
  /// Minimum, as a number, in bytes or in milliseconds.
  var minimum: Int?
  /// Maximum, as a number, in bytes or in milliseconds.
  var maximum: Int?
  /// Words of an enumeration.
  var values: [String]
}

/// The value of a variable, as the text that replaces it.
struct VariableValue: Sendable, Equatable {
  /// Text; for a list, one entry per line.
  var text: String
  /// Entries of a list; `nil` for other types.
  var entries: [String]?

  /// Creates the value of a variable that is not a list.
  init(_ text: String) { self.text = text }

  /// Creates the value of a list.
  init(entries: [String]) {
    text = entries.joined(separator: "\n")
    self.entries = entries
  }
}

extension VariableDeclaration {
  /// The shape of the variable's values.
  var shape: Shape<VariableValue> {
    switch type {
    case .string: textShape.map { VariableValue($0) }
    case .integer:
      Shape<Int>.integer((minimum ?? .min)...(maximum ?? .max)).map { VariableValue(String($0)) }
    case .boolean: Shape<Bool>.truth.map { VariableValue($0 ? "true" : "false") }
    case .enumeration: Shape<String>.choice(values, "a value of '\(name)'").map { VariableValue($0) }
    case .list: Shape<[String]>.list(of: textShape).map { VariableValue(entries: $0) }
    case .size: asWritten(Shape<Int64>.size(minimum: 0).map { Int($0) }) { Int64($0).asSize }
    case .duration: asWritten(Shape<Int>.duration) { "\($0)ms" }
    case .path: Shape<String>.imagePath.map { VariableValue($0) }
    case .secret: secretShape
    }
  }

  private var textShape: Shape<String> {
    Shape<String>.text(
      pattern == nil ? "text" : "a value of '\(name)'", pattern: pattern,
      hint: pattern.map { "it must match \($0)" })
  }

  /// Returns the shape of a quantity that is checked against its range, but inserted as the user wrote it, because
  /// configuration files expect the written form.
  private func asWritten(_ shape: Shape<Int>, word: @escaping @Sendable (Int) -> String) -> Shape<VariableValue> {
    shape.converted { [minimum, maximum] number, node, reading in
      guard case .scalar(let scalar) = node.content else { return nil }
      guard number >= minimum ?? .min, number <= maximum ?? .max else {
        let limits = [minimum.map { "at least \(word($0))" }, maximum.map { "at most \(word($0))" }]
        reading.error(
          "\(scalar.text) is out of range", at: node.position,
          hint: limits.compactMap { $0 }.joined(separator: ", "))
        return nil
      }
      return VariableValue(scalar.text)
    }
  }

  /// The shape of a secret. Its messages do not show the value.
  private var secretShape: Shape<VariableValue> {
    let (name, pattern) = (name, pattern)
    return Shape(.text(TextDescription(noun: "a secret", pattern: pattern))) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error(hidingLine: "expected text for the secret '\(name)', found \(node.kind)", at: node.position)
        return nil
      }
      guard pattern.map(scalar.text.isWhole) ?? true, !scalar.text.unicodeScalars.contains("\0") else {
        reading.error(
          hidingLine: "the value of the secret '\(name)' does not have the form that its layer requires",
          at: node.position, hint: pattern.map { "it must match \($0)" })
        return nil
      }
      return VariableValue(scalar.text)
    }
  }
}

/// `variables:` of a layer.
enum VariableFormat {
  private static let type = DefaultedKey(
    "type", Shape<VariableType>.cases("a variable type"), default: "string", "Type of the values.",
    example: "integer"
  )
  private static let about = RequiredKey(
    "description", Shape.anyText, "One sentence about the effect of the variable.",
    example: "Port that the server listens on")
  private static let defaultValue = OptionalKey(
    "default", Shape<SourceNode>.anyValue,
    "Value that is used if no other is set. Without a default, a value must be set.", example: 8080)
  private static let pattern = OptionalKey(
    "pattern", Shape<String>.regularExpression,
    "Regular expression that must match the whole text (string, secret) or each entry (list).", example: "[a-z]+")
  private static let minimum = OptionalKey(
    "minimum", Shape<SourceNode>.anyValue, "Minimum value (integer, size, duration).", example: 1)
  private static let maximum = OptionalKey(
    "maximum", Shape<SourceNode>.anyValue, "Maximum value (integer, size, duration).", example: 65_535)
  private static let values = OptionalKey(
    "values", Shape<[String]>.list(of: .anyText, minimumCount: 1), "Words of an enumeration.",
    example: ["quiet", "verbose"])

  /// A variable without its name, which is the key of its entry.
  static let shape = Shape<VariableDeclaration>.object(
    "variable", about: "A variable of a layer, with its type, its limits and its default value.",
    keys: [type, about, defaultValue, pattern, minimum, maximum, values]
  ) { fields, reading in
    let type = fields[type]
    refuse(pattern, unless: [.string, .list, .secret], type, fields, &reading)
    refuse(minimum, unless: [.integer, .size, .duration], type, fields, &reading)
    refuse(maximum, unless: [.integer, .size, .duration], type, fields, &reading)
    refuse(values, unless: [.enumeration], type, fields, &reading)
    if type == .enumeration, fields.position(of: values) == nil {
      reading.error(
        "\(reading.place) has no 'values'", at: fields.position,
        hint: "add them, for example `values: [quiet, verbose]`"
      )
    }
    if type == .secret, let position = fields.position(of: defaultValue) {
      reading.error(
        hidingLine: "a secret cannot have a default", at: position,
        hint: "remove it: users of the layer set the value")
    }
    var declaration = VariableDeclaration(
      name: reading.surroundings.last?.name ?? "", position: fields.position, type: type, about: fields[about] ?? "",
      defaultValue: fields[defaultValue], pattern: fields[pattern],
      minimum: fields[minimum].flatMap { limit($0, of: type, &reading) },
      maximum: fields[maximum].flatMap { limit($0, of: type, &reading) }, values: fields[values] ?? [])
    if let least = declaration.minimum, let largest = declaration.maximum, least > largest {
      reading.error(
        "the minimum of \(reading.place) is larger than the maximum",
        at: fields.position(of: minimum) ?? fields.position,
        hint: "swap 'minimum' and 'maximum'")
      (declaration.minimum, declaration.maximum) = (nil, nil)
    }
    if let value = declaration.defaultValue, type != .secret {
      if case .reference = value.content {
        reading.error(
          "a default cannot come from a file or the environment", at: value.position,
          hint: "write the value without a tag")
      } else if type != .enumeration || !declaration.values.isEmpty {
        _ = declaration.shape.read(value, &reading)
      }
    }
    return declaration
  }

  private static func refuse(
    _ key: any KeyDeclaration, unless types: [VariableType], _ type: VariableType, _ fields: Fields,
    _ reading: inout Reading
  ) {
    guard let position = fields.position(of: key), !types.contains(type) else { return }
    reading.error(
      "'\(key.entry.name)' has no meaning for a variable of type \(type.rawValue)", at: position,
      hint: "it is for the types \(types.map(\.rawValue).joined(separator: ", "))")
  }

  private static func limit(_ node: SourceNode, of type: VariableType, _ reading: inout Reading) -> Int? {
    switch type {
    case .integer: Shape<Int>.integer(.min ... .max).read(node, &reading)
    case .size: Shape<Int64>.size(minimum: 0).read(node, &reading).map { Int($0) }
    case .duration: Shape<Int>.duration.read(node, &reading)
    default: nil
    }
  }
}

/// A value that a project, profile or image sets.
struct GivenVariable: Sendable, Equatable {
  /// Name as written: `layer.variable`, or a plain name without a layer.
  var name: String
  /// Position of the name.
  var position: SourcePosition
  var value: SourceNode
}

/// `variables:` of a project, a profile or an image.
enum GivenVariablesFormat {
  /// Values by name of the variable.
  static let shape = Shape<[DictionaryEntry<SourceNode>]>.dictionary(key: .variableName, value: .anyValue).map {
    $0.map { GivenVariable(name: $0.name, position: $0.position, value: $0.value) }
  }
}

extension Shape<SourceNode> {
  private static let anyScalar: [ShapeDescription] = [
    .text(TextDescription(noun: "text")), .integer(.min ... .max), .truth,
  ]

  /// A single value, a list of single values, or a `!file` or `!env` tag. The type is checked later.
  static let anyValue = Shape(
    .either(anyScalar + [.list(.either(anyScalar), minimumCount: 0)])
  ) { node, reading in
    if case .mapping = node.content {
      reading.error("expected a value, found a mapping", at: node.position, hint: "write a single value or a list")
      return nil
    }
    return node
  }
}

extension Shape<String> {
  /// A regular expression.
  static let regularExpression = anyText.checked { text, node, reading in
    guard (try? WholeTextPattern(text)) != nil else {
      reading.error("'\(text)' is not a regular expression", at: node.position, hint: "check its brackets")
      return nil
    }
    return text
  }
}
