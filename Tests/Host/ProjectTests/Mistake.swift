import Testing

@testable import Project

/// A project file with one mistake, and the expected message of the reader.
struct Mistake: Sendable, CustomTestStringConvertible {
  /// A name for the mistake.
  var name: String
  /// The text of the file. `«` marks the expected position, and is not part of the file.
  var marked: String
  var message: String
  /// The hint, or `nil` for none.
  var hint: String?
  /// True if a JSON Schema can detect the mistake as well.
  var isSeenBySchema: Bool

  var testDescription: String { name }

  init(_ name: String, _ marked: String, _ message: String, hint: String?, schema: Bool = true) {
    self.name = name
    self.marked = marked
    self.message = message
    self.hint = hint
    self.isSeenBySchema = schema
  }

  /// The text of the file without the mark.
  var text: String { marked.replacing("«", with: "") }

  /// Line and column of the mark, from 1, in characters.
  var place: (line: Int, column: Int) {
    let before = marked.prefix { $0 != "«" }
    let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.count, (lines.last?.count ?? 0) + 1)
  }
}
