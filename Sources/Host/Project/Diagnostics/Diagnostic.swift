import FoundationEssentials

/// A problem in a file that the user wrote: its position, a message and a hint.
public struct Diagnostic: Sendable, Equatable {
  public enum Severity: String, Sendable {
    /// Nothing can be built from the file.
    case error
    /// The file can be used, but probably does not mean what the user intended.
    case warning
  }

  public var severity: Severity
  /// Description of the problem, without a full stop.
  public var message: String
  public var position: SourcePosition
  /// The whole line at ``position``, without its line break; empty if it must not be shown.
  public var sourceLine: String
  /// Advice for the user; `nil` if ``message`` implies it.
  public var hint: String?

  /// Creates a problem in a file that has already been read, such as a problem that a build finds.
  ///
  /// - Parameter showsLine: False if the line must not be shown because it may contain a secret.
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

  /// Creates a problem whose line is known.
  init(severity: Severity, message: String, position: SourcePosition, sourceLine: String, hint: String?) {
    self.severity = severity
    self.message = message
    self.position = position
    self.sourceLine = sourceLine
    self.hint = hint
  }

  /// Returns the problem as text for a terminal or a log.
  ///
  /// - Parameter folder: The current folder. Files below it are shown by their relative path.
  /// - Returns: `file:line:column: error: message`, the line, a caret under the column, and the hint, without a final
  ///   line break.
  public func rendered(relativeTo folder: URL) -> String {
    let path = position.file.displayPath(relativeTo: folder)
    var lines = ["\(path):\(position.line):\(position.column): \(severity.rawValue): \(message)"]
    if !sourceLine.isEmpty {
      let (line, before) = excerpt
      // Tabs are kept, so that the caret is in the right column at every tab width.
      lines += ["  \(line)", "  \(String(before.map { $0 == "\t" ? "\t" : " " }))^"]
    }
    if let hint {
      lines.append("  \(hint)")
    }
    return lines.map(\.printable).joined(separator: "\n")
  }

  /// Returns the position and the message, without severity and hint.
  ///
  /// - Parameter folder: The current folder. Files below it are shown by their relative path.
  public func inOneLine(relativeTo folder: URL) -> String {
    "\(position.file.displayPath(relativeTo: folder)):\(position.line):\(position.column): \(message)".printable
  }

  /// The part of the line near the column that fits a terminal, and the text in it before the column.
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
  /// The text with control characters replaced. A file could use them to manipulate the user's terminal.
  fileprivate var printable: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { $0.properties.generalCategory == .control && $0 != "\t" ? "\u{FFFD}" : $0 }))
  }
}
