import Yams

/// Gets a document with repeated keys through a parser that stops at the first of them.
///
/// Each time the parser refuses a repeated key, the first of the two is written over with as many characters of a private
/// use area, which keeps every position, and the text is read again. So a repeated key is one problem among the others
/// instead of the only one that is shown.
struct RepeatedKeys {
  /// The most keys that are written over; each costs another pass of the parser.
  private static let maximumPasses = 50

  /// Keys that were written over, by the place that the parser gives for them.
  private var originals: [Place: String] = [:]

  private struct Place: Hashable {
    var line: Int
    var column: Int
  }

  /// Reads a text, however many keys are repeated in it.
  ///
  /// - Returns: The node of the only document; `nil` where there is none.
  /// - Throws: `YamlError` for everything else that the parser refuses.
  mutating func compose(_ source: SourceText) throws -> Node? {
    var text = source.text
    while true {
      do {
        // The basic resolver leaves all values text: what they are is decided by YAML 1.2, not by the parser's 1.1.
        return try Yams.compose(yaml: text, .basic, .default, .utf8)
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        guard originals.count < Self.maximumPasses, let covered = cover(keys, at: context.mark, in: text, of: source)
        else {
          throw YamlError.duplicatedKeysInMapping(duplicates: keys, context: context)
        }
        text = covered
      }
    }
  }

  /// The key as the user wrote it.
  func original(of scalar: Node.Scalar, at mark: Mark?) -> String {
    guard let mark else { return scalar.string }
    return originals[Place(line: mark.line, column: mark.column)] ?? scalar.string
  }

  /// The text with the key at a place written over; `nil` where the key is not simply written there.
  private mutating func cover(_ keys: [String], at mark: Mark, in text: String, of source: SourceText) -> String? {
    guard let lineStart = SourceText.startOfLine(mark.line, in: text) else { return nil }
    let scalars = text.unicodeScalars
    guard var start = scalars.index(lineStart, offsetBy: mark.column - 1, limitedBy: scalars.endIndex) else {
      return nil
    }
    if start < scalars.endIndex, scalars[start] == "\"" || scalars[start] == "'" {
      start = scalars.index(after: start)
    }
    guard let key = keys.first(where: { !$0.isEmpty && scalars[start...].starts(with: $0.unicodeScalars) }),
      let filler = Unicode.Scalar(UInt32(0xE000 + originals.count))
    else { return nil }
    let end = scalars.index(start, offsetBy: key.unicodeScalars.count)
    originals[Place(line: mark.line, column: mark.column)] = key
    var result = scalars
    result.replaceSubrange(start..<end, with: repeatElement(filler, count: key.unicodeScalars.count))
    return String(result)
  }
}
