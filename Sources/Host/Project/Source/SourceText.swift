import FoundationEssentials

/// The text of a file that the user wrote, by lines.
struct SourceText: Sendable, Equatable {
  let file: URL
  /// The whole text.
  let text: String
  /// The lines, without line breaks.
  let lines: [String]

  init(file: URL, text: String) {
    self.file = file
    self.text = text
    self.lines = Self.split(text)
  }

  /// Returns a line by its number, from 1; an empty string after the last line.
  func line(_ number: Int) -> String {
    lines.indices.contains(number - 1) ? lines[number - 1] : ""
  }

  /// Returns the position for a line and a column that counts Unicode scalars, as the YAML parser does.
  ///
  /// A position after the last line, which the parser reports for an unexpected end, becomes the end of the last line
  /// that is not empty.
  func position(line: Int, scalarColumn: Int) -> SourcePosition {
    guard line <= lines.count, !(line == lines.count && self.line(line).isEmpty) else {
      return endPosition
    }
    let before = String(String.UnicodeScalarView(self.line(line).unicodeScalars.prefix(max(0, scalarColumn - 1))))
    return SourcePosition(file: file, line: line, column: before.count + 1)
  }

  /// The end of the last line that is not empty.
  private var endPosition: SourcePosition {
    let last = lines.lastIndex { !$0.allSatisfy(\.isWhitespace) } ?? 0
    return SourcePosition(file: file, line: last + 1, column: line(last + 1).count + 1)
  }

  /// Returns a diagnostic at a position of this text.
  func diagnostic(
    _ severity: Diagnostic.Severity, _ message: String, at position: SourcePosition, hint: String?
  ) -> Diagnostic {
    Diagnostic(
      severity: severity, message: message, position: position, sourceLine: line(position.line), hint: hint)
  }

  /// Returns the beginning of a line by its number, from 1; `nil` after the last line.
  static func startOfLine(_ number: Int, in text: String) -> String.Index? {
    let scalars = text.unicodeScalars
    var line = 1
    var index = scalars.startIndex
    while line < number {
      guard index < scalars.endIndex else { return nil }
      let scalar = scalars[index]
      index = scalars.index(after: index)
      if isLineBreak(scalar), !(scalar == "\r" && index < scalars.endIndex && scalars[index] == "\n") {
        line += 1
      }
    }
    return index
  }

  /// Returns true for a line break of YAML 1.1.
  ///
  /// The parser counts lines by these line breaks. Any difference would shift the positions after it.
  private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
    ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
  }

  private static func split(_ text: String) -> [String] {
    var lines: [String] = []
    var current = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      if scalar == "\n", previous == "\r" {
        // Second half of CR LF.
      } else if isLineBreak(scalar) {
        lines.append(String(current))
        current = String.UnicodeScalarView()
      } else {
        current.append(scalar)
      }
      previous = scalar
    }
    lines.append(String(current))
    return lines
  }
}
