import Testing

@testable import Project

/// A project file with one mistake, and what the reader is to say of it.
struct Mistake: Sendable, CustomTestStringConvertible {
  /// What is wrong.
  var name: String
  /// The file; `«` stands where the problem is to be reported, and is not part of it.
  var marked: String
  /// The message.
  var message: String
  /// The hint; `nil` for none.
  var hint: String?
  /// Whether a JSON Schema can see it as well.
  var isSeenBySchema: Bool

  var testDescription: String { name }

  init(_ name: String, _ marked: String, _ message: String, hint: String?, schema: Bool = true) {
    self.name = name
    self.marked = marked
    self.message = message
    self.hint = hint
    self.isSeenBySchema = schema
  }

  /// The file as the reader gets it.
  var text: String { marked.replacing("«", with: "") }

  /// Line and column of the mark, from 1, in characters.
  var place: (line: Int, column: Int) {
    let before = marked.prefix { $0 != "«" }
    let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.count, (lines.last?.count ?? 0) + 1)
  }
}
