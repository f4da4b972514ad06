import FoundationEssentials

/// What a variable of a layer can hold.
public enum VariableType: String, Sendable, CaseIterable {
  /// Text, of a pattern where one is given.
  case string
  /// A whole number, in a range where one is given.
  case integer
  /// `true` or `false`.
  case boolean
  /// One of a few words.
  case enumeration
  /// A list of texts, of a pattern where one is given.
  case list
  /// A size like 64M, in a range where one is given.
  case size
  /// A time like 10s, in a range where one is given.
  case duration
  /// An absolute path in the image.
  case path
  /// Text that is shown nowhere.
  case secret
}

/// A variable that a layer declares.
struct VariableDeclaration: Sendable, Equatable {
  /// Name in its layer.
  var name: String
  /// Where the name stands.
  var position: SourcePosition
  /// What it can hold.
  var type: VariableType
  /// One sentence: what it decides.
  var about: String
  /// What holds where nobody gives a value; without it, somebody must.
  var defaultValue: SourceNode?
  /// Regular expression of a whole text.
  var pattern: String?
  /// The least number, bytes or milliseconds.
  var minimum: Int?
  /// The largest number, bytes or milliseconds.
  var maximum: Int?
  /// The words of an enumeration.
  var values: [String]
}

/// A value that a variable has, as it is filled in.
struct VariableValue: Sendable, Equatable {
  /// The text; of a list, the entries by line.
  var text: String
  /// The entries of a list; `nil` for every other type.
  var entries: [String]?

  /// Makes the value of a variable that is no list.
  init(_ text: String) { self.text = text }

  /// Makes the value of a list.
  init(entries: [String]) {
    text = entries.joined(separator: "\n")
    self.entries = entries
  }
}

extension VariableDeclaration {
  /// Shape of the values.
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
      hint: pattern.map { "its pattern is \($0)" })
  }

  /// A quantity within its range, filled in as the user wrote it: that is what configuration files take.
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

  /// Says what is wrong without saying what was written.
  private var secretShape: Shape<VariableValue> {
    let (name, pattern) = (name, pattern)
    return Shape(.text(TextDescription(noun: "a secret", pattern: pattern))) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error(hidingLine: "expected text for the secret '\(name)', found \(node.kind)", at: node.position)
        return nil
      }
      guard pattern.map(scalar.text.isWhole) ?? true, !scalar.text.unicodeScalars.contains("\0") else {
        reading.error(
          hidingLine: "the value of the secret '\(name)' does not have the form that its layer asks for",
          at: node.position, hint: pattern.map { "its pattern is \($0)" })
        return nil
      }
      return VariableValue(scalar.text)
    }
  }
}

/// `variables:` of a layer.
enum VariableFormat {
  private static let type = DefaultedKey(
    "type", Shape<VariableType>.cases("a type of variables"), default: "string", "What it can hold.", example: "integer"
  )
  private static let about = RequiredKey(
    "description", Shape.anyText, "One sentence: what it decides.", example: "Port that the server listens on")
  private static let defaultValue = OptionalKey(
    "default", Shape<SourceNode>.anyValue,
    "What holds where nobody gives a value. Left out: somebody must give one.", example: 8080)
  private static let pattern = OptionalKey(
    "pattern", Shape<String>.regularExpression,
    "Regular expression that describes the whole text (string, secret) or each entry (list).", example: "[a-z]+")
  private static let minimum = OptionalKey(
    "minimum", Shape<SourceNode>.anyValue, "The least value (integer, size, duration).", example: 1)
  private static let maximum = OptionalKey(
    "maximum", Shape<SourceNode>.anyValue, "The largest value (integer, size, duration).", example: 65_535)
  private static let values = OptionalKey(
    "values", Shape<[String]>.list(of: .anyText, minimumCount: 1), "The words of an enumeration.",
    example: ["quiet", "verbose"])

  /// A variable; its name is not known yet.
  static let shape = Shape<VariableDeclaration>.object(
    "variable", about: "A variable of a layer: what it can hold, and what holds where nobody gives a value.",
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
        hidingLine: "a secret has no default", at: position,
        hint: "remove it: whoever uses the layer gives the value")
    }
    var declaration = VariableDeclaration(
      name: reading.surroundings.last?.name ?? "", position: fields.position, type: type, about: fields[about] ?? "",
      defaultValue: fields[defaultValue], pattern: fields[pattern],
      minimum: fields[minimum].flatMap { limit($0, of: type, &reading) },
      maximum: fields[maximum].flatMap { limit($0, of: type, &reading) }, values: fields[values] ?? [])
    if let least = declaration.minimum, let largest = declaration.maximum, least > largest {
      reading.error(
        "the least value of \(reading.place) is larger than the largest",
        at: fields.position(of: minimum) ?? fields.position,
        hint: "swap 'minimum' and 'maximum'")
      (declaration.minimum, declaration.maximum) = (nil, nil)
    }
    if let value = declaration.defaultValue, type != .secret {
      if case .reference = value.content {
        reading.error(
          "a default stands in the layer itself", at: value.position, hint: "write the value without a tag")
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

/// A value that somebody gives a variable.
struct GivenVariable: Sendable, Equatable {
  /// Name as written: `layer.variable`, or a plain name.
  var name: String
  /// Where the name stands.
  var position: SourcePosition
  /// The value as written.
  var value: SourceNode
}

/// `variables:` of a project, a profile or an image.
enum GivenVariablesFormat {
  /// Values by name.
  static let shape = Shape<[DictionaryEntry<SourceNode>]>.dictionary(key: .variableName, value: .anyValue).map {
    $0.map { GivenVariable(name: $0.name, position: $0.position, value: $0.value) }
  }
}

extension Shape<SourceNode> {
  private static let anyScalar: [ShapeDescription] = [
    .text(TextDescription(noun: "text")), .integer(.min ... .max), .truth,
  ]

  /// A single value, a list of them, or the tag that says where the value stands; what it has to be is known later.
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
