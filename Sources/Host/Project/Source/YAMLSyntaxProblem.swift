/// Explanations of the errors of the YAML parser, for users.
enum YAMLSyntaxProblem {
  /// Parser message for an alias without an anchor.
  static let unknownAnchor = "found undefined alias"
  /// Parser message for a second document.
  static let secondDocument = "but found another document"

  /// Messages of the parser, each with a message and a hint for the user.
  private static let explanations: [(found: String, message: String, hint: String)] = [
    (
      "mapping values are not allowed in this context", "a ':' is not expected here",
      "check the indentation of this line and of the one above; text with ': ' in it needs quotes"
    ),
    (
      "could not find expected ':'", "there is no ':' after the key",
      "write 'key: value'; a list item begins with '- '"
    ),
    (
      "did not find expected key", "this line does not fit the lines above",
      "keys of the same mapping begin in the same column"
    ),
    (
      "did not find expected '-' indicator", "this line does not fit the list above",
      "items of the same list begin with '- ' in the same column"
    ),
    (
      "did not find expected ',' or ']'", "the list that begins with '[' needs ',' or ']' here",
      "separate its items by ',' and close it with ']'"
    ),
    (
      "did not find expected ',' or '}'", "the mapping that begins with '{' needs ',' or '}' here",
      "separate its entries by ',' and close it with '}'"
    ),
    (
      "block sequence entries are not allowed in this context", "a list cannot begin here",
      "begin it on a new line"
    ),
    (
      "found unexpected end of stream", "a quoted text is not closed",
      "end it with the same quote as it begins"
    ),
    (
      unknownAnchor, "no value has this anchor",
      "an anchor (&name) must come before its alias (*name); text that begins with '*' needs quotes"
    ),
    (
      secondDocument, "a second document begins here",
      "a project file is one document: remove the line '---'"
    ),
    (
      "found unknown escape character", "this is not an escape sequence for text in double quotes",
      "write '\\\\' for a backslash, or use single quotes"
    ),
    (
      "control characters are not allowed", "there is a control character here",
      "remove it, or write it as an escape sequence in double quotes"
    ),
    ("found a tab character that violates indentation", "a tab cannot indent a line", "use spaces"),
    ("found a tab character where an indentation space is expected", "a tab cannot indent a line", "use spaces"),
    (
      "did not find expected <document start>", "something follows the end of the document",
      "check the indentation of this line"
    ),
  ]

  /// Returns the problem that stopped the parser.
  static func diagnostic(for error: any Error, in source: SourceText) -> Diagnostic {
    switch error {
    case YAMLSyntaxError.grammar(let problem, let mark, let context):
      // The parser detects an unclosed quote at the end of the file. The user needs the position of its beginning.
      let isOpenQuote = problem == "found unexpected end of stream"
      return explained(problem, at: position(isOpenQuote ? context ?? mark : mark, in: source), in: source)
    case YAMLSyntaxError.character(let problem, let offset):
      let before = SourceText(file: source.file, text: String(decoding: source.text.utf8.prefix(offset), as: UTF8.self))
      let line = before.lines.count
      let place = SourcePosition(file: source.file, line: line, column: before.line(line).count + 1)
      return explained(problem, at: place, in: source)
    default:
      let start = SourcePosition(file: source.file, line: 1, column: 1)
      return source.diagnostic(.error, "the file is not YAML: \(error)", at: start, hint: nil)
    }
  }

  private static func explained(_ problem: String, at place: SourcePosition, in source: SourceText) -> Diagnostic {
    if problem == "found character that cannot start any token" {
      return wrongStart(at: place, in: source)
    }
    guard let explanation = explanations.first(where: { $0.found == problem }) else {
      return source.diagnostic(.error, "the file is not YAML here: \(problem)", at: place, hint: nil)
    }
    return source.diagnostic(.error, explanation.message, at: place, hint: explanation.hint)
  }

  private static func wrongStart(at place: SourcePosition, in source: SourceText) -> Diagnostic {
    let character = source.line(place.line).dropFirst(place.column - 1).first.map(String.init) ?? ""
    if character == "\t" {
      return source.diagnostic(.error, "a tab cannot indent a line", at: place, hint: "use spaces")
    }
    return source.diagnostic(
      .error, "a value cannot begin with '\(character)'", at: place, hint: "put the value in quotes")
  }

  private static func position(_ mark: YAMLMark, in source: SourceText) -> SourcePosition {
    source.position(line: mark.line, scalarColumn: mark.column)
  }
}
