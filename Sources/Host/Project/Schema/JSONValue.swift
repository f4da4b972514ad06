import FoundationEssentials

/// A JSON value. Objects keep the order of their keys.
public indirect enum JSONValue: Sendable, Equatable {
  case null
  case truth(Bool)
  case integer(Int)
  case text(String)
  case array([JSONValue])
  /// An object. Each key occurs once.
  case object([(key: String, value: JSONValue)])

  /// Returns true if two values are equal, including the order of keys.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.truth(let left), .truth(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.text(let left), .text(let right)): left == right
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)):
      left.elementsEqual(right) { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }

  /// The value as text, indented by two spaces, without a final line break. Lists of single values stay on one line.
  public var formatted: String {
    formatted(indentation: "")
  }

  /// The value on one line.
  public var compact: String {
    switch self {
    case .array(let items): "[\(items.map(\.compact).joined(separator: ", "))]"
    case .object(let entries):
      "{\(entries.map { "\(Self.quoted($0.key)): \($0.value.compact)" }.joined(separator: ", "))}"
    case .null: "null"
    case .truth(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .text(let value): Self.quoted(value)
    }
  }

  private func formatted(indentation: String) -> String {
    let inner = indentation + "  "
    switch self {
    case .array(let items) where items.contains(where: \.isContainer):
      let lines = items.map { inner + $0.formatted(indentation: inner) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
    case .object(let entries) where !entries.isEmpty:
      let lines = entries.map { "\(inner)\(Self.quoted($0.key)): \($0.value.formatted(indentation: inner))" }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
    default:
      return compact
    }
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  /// Returns a text as a JSON string (RFC 8259, section 7).
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..."\u{1F}": result += "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst()
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .text(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .truth(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { (key: $0.0, value: $0.1) })
  }
}
