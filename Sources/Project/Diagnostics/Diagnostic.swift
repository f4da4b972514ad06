import Foundation

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

  /// The problem in words for a terminal or a log.
  ///
  /// - Parameter folder: The folder that the user stands in; a file below it is shown by its relative path.
  /// - Returns: `file:line:column: error: message`, the line, a caret under the column, and the hint; no final line break.
  public func rendered(relativeTo folder: URL) -> String {
    let path = position.file.displayPath(relativeTo: folder)
    var lines = ["\(path):\(position.line):\(position.column): \(severity.rawValue): \(message)"]
    if !sourceLine.isEmpty {
      lines.append("  \(sourceLine)")
      lines.append("  \(caretIndentation)^")
    }
    if let hint {
      lines.append("  \(hint)")
    }
    return lines.joined(separator: "\n")
  }

  /// Blanks up to the column; a tab stays a tab, so that the caret stands right at every tab width.
  private var caretIndentation: String {
    String(sourceLine.prefix(position.column - 1).map { $0 == "\t" ? "\t" : " " })
  }
}
