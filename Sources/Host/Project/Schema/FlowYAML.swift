extension JSONValue {
  /// The value on one line of YAML, with quotes only if they are necessary.
  var inFlowYAML: String {
    switch self {
    case .array(let items):
      "[\(items.map(\.inFlowYAML).joined(separator: ", "))]"
    case .object(let entries):
      entries.isEmpty
        ? "{}" : "{ \(entries.map { "\($0.key): \($0.value.inFlowYAML)" }.joined(separator: ", ")) }"
    case .text(let text) where SourceScalar.isPlainText(text):
      text
    default:
      compact
    }
  }
}

extension SourceScalar {
  /// Returns true if a text needs no quotes, both on its own line and between brackets.
  static func isPlainText(_ text: String) -> Bool {
    guard text.isWhole("[A-Za-z0-9./][A-Za-z0-9_./:+@%~-]*"), !text.hasSuffix(":") else { return false }
    if case .text = SourceScalar(text, isPlain: true).value { return true }
    return false
  }
}
