import FoundationEssentials

extension Diagnostic {
  /// The problem as JSON: `severity`, `message`, `file` (absolute), `line`, `column`, and `hint` if there is one.
  public var json: JSONValue {
    .object(
      [
        (key: "severity", value: .text(severity.rawValue)), (key: "message", value: .text(message)),
        (key: "file", value: .text(position.file.path)), (key: "line", value: .integer(position.line)),
        (key: "column", value: .integer(position.column)),
      ] + (hint.map { [(key: "hint", value: .text($0))] } ?? []))
  }
}
