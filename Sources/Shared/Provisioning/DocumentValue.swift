/// A value of a TOML or YAML document.
enum DocumentValue: Sendable, Equatable {
  /// A string in quotes, or a TOML string.
  case text(String)
  /// A YAML scalar without quotes. Its meaning depends on the key that it is for.
  case plain(String)
  case boolean(Bool)
  case integer(Int)
  /// A TOML float, date or time. No key of the files takes one.
  case other
  /// A YAML value that is missing, `null` or `~`.
  case none
  case list([DocumentValue])
  case table(DocumentTable)

  /// The value as text; `nil` for lists, tables and missing values.
  var string: String? {
    switch self {
    case .text(let text), .plain(let text): text
    case .integer(let number): String(number)
    case .boolean(let value): value ? "true" : "false"
    case .other, .none, .list, .table: nil
    }
  }

  /// The value as a Boolean: TOML's `true` and `false`, and the plain scalars of YAML 1.1 that cloud-init takes.
  var bool: Bool? {
    switch self {
    case .boolean(let value): value
    case .plain(let text):
      switch text.lowercased() {
      case "true", "yes", "on": true
      case "false", "no", "off": false
      default: nil
      }
    default: nil
    }
  }

  /// The texts of a list; `nil` if this is no list of texts.
  var strings: [String]? {
    guard case .list(let items) = self else { return nil }
    let texts = items.compactMap(\.string)
    return texts.count == items.count ? texts : nil
  }

  /// The table; `nil` for another value.
  var table: DocumentTable? {
    if case .table(let table) = self { table } else { nil }
  }

  /// True for a missing value, an empty list or an empty table.
  var isEmpty: Bool {
    switch self {
    case .none: true
    case .list(let items): items.isEmpty
    case .table(let table): table.keys.isEmpty
    default: false
    }
  }
}

/// Keys with values, in the order of the document.
struct DocumentTable: Sendable, Equatable {
  private(set) var keys: [String] = []
  private var values: [String: DocumentValue] = [:]

  subscript(key: String) -> DocumentValue? {
    get { values[key] }
    set {
      if values[key] == nil, newValue != nil { keys.append(key) }
      if newValue == nil { keys.removeAll { $0 == key } }
      values[key] = newValue
    }
  }

  /// The entries, in the order of the document.
  var entries: [(key: String, value: DocumentValue)] {
    keys.compactMap { key in values[key].map { (key, $0) } }
  }
}

/// A document that cannot be parsed. The reason never contains text of the document, which may be secret.
struct DocumentFailure: Error, Equatable, CustomStringConvertible {
  /// Line of the document, from 1.
  var line: Int
  var reason: String

  var description: String { "line \(line): \(reason)" }
}

/// Limits for a document from outside, so that parsing it takes bounded time and memory.
enum DocumentLimits {
  /// Maximum size of a file in bytes.
  static let size = 65_536
  /// Maximum depth of nested lists and tables.
  static let depth = 16
  /// Maximum number of values.
  static let values = 4096
}
