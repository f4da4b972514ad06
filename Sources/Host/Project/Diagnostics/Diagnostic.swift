import FoundationEssentials

/// One problem of a file that the user wrote: where it is, what is wrong, and what to do about it.
public struct Diagnostic: Sendable, Equatable {
  /// How bad it is.
  public enum Severity: String, Sendable {
    /// Nothing can be built from the file.
    case error
    /// The file can be used, but hardly as it was meant.
    case warning
  }

  /// How bad it is.
  public var severity: Severity
  /// What is wrong, without a full stop.
  public var message: String
  /// Where.
  public var position: SourcePosition
  /// The whole line at ``position``, without its line break.
  public var sourceLine: String
  /// What to do now; `nil` where ``message`` says it already.
  public var hint: String?

  /// Makes a problem of a file that is not being read any more: what a build finds out about a line of it.
  ///
  /// - Parameter showsLine: False where the line may have a secret in it.
  public init(
    _ severity: Severity, _ message: String, at position: SourcePosition, hint: String?, showsLine: Bool = true
  ) {
    self.severity = severity
    self.message = message
    self.position = position
    self.hint = hint
    sourceLine = ""
    guard showsLine, case .success(let text) = ProjectReader.load(position.file) else { return }
    sourceLine = SourceText(file: position.file, text: text).line(position.line)
  }

  /// Makes a problem of a line that is known.
  init(severity: Severity, message: String, position: SourcePosition, sourceLine: String, hint: String?) {
    self.severity = severity
    self.message = message
    self.position = position
    self.sourceLine = sourceLine
    self.hint = hint
  }

  /// The problem in words for a terminal or a log.
  ///
  /// - Parameter folder: The folder that the user stands in; a file below it is shown by its relative path.
  /// - Returns: `file:line:column: error: message`, the line, a caret under the column, and the hint; no final line break.
  public func rendered(relativeTo folder: URL) -> String {
    let path = position.file.displayPath(relativeTo: folder)
    var lines = ["\(path):\(position.line):\(position.column): \(severity.rawValue): \(message)"]
    if !sourceLine.isEmpty {
      let (line, before) = excerpt
      // A tab stays a tab, so that the caret stands right at every tab width.
      lines += ["  \(line)", "  \(String(before.map { $0 == "\t" ? "\t" : " " }))^"]
    }
    if let hint {
      lines.append("  \(hint)")
    }
    return lines.map(\.printable).joined(separator: "\n")
  }

  /// The place and the message, without severity and hint.
  ///
  /// - Parameter folder: The folder that the user stands in; a file below it is shown by its relative path.
  public func inOneLine(relativeTo folder: URL) -> String {
    "\(position.file.displayPath(relativeTo: folder)):\(position.line):\(position.column): \(message)".printable
  }

  /// As much of the line as a terminal shows well, and the part of it before the column.
  private var excerpt: (line: String, before: Substring) {
    let reach = 80
    let column = position.column - 1
    guard sourceLine.count > 2 * reach else { return (sourceLine, sourceLine.prefix(column)) }
    let first = max(0, column - reach)
    let shown = (first > 0 ? "…" : "") + sourceLine.dropFirst(first).prefix(2 * reach)
    let line = first + 2 * reach < sourceLine.count ? shown + "…" : shown
    return (line, line.prefix(column - first + (first > 0 ? 1 : 0)))
  }
}

extension String {
  /// The text without control characters, which a file could use to write something else to the user's terminal.
  fileprivate var printable: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { $0.properties.generalCategory == .control && $0 != "\t" ? "\u{FFFD}" : $0 }))
  }
}
