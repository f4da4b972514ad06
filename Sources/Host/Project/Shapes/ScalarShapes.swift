import Spelling

extension Shape<String> {
  /// Any text.
  static let anyText = text("text", pattern: nil)

  /// Returns the shape of text that matches a regular expression.
  ///
  /// - Parameters:
  ///   - noun: Noun for the text, with its article and an optional example: `a size like 64M`.
  ///   - pattern: Regular expression for the whole text; `nil` to accept any text.
  ///   - hint: Advice if the text is invalid.
  static func text(_ noun: String, pattern: String?, hint: String? = nil) -> Shape {
    Shape(.text(TextDescription(noun: noun, pattern: pattern))) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error("expected \(noun), found \(node.kind)", at: node.position)
        return nil
      }
      guard case .text(let text) = scalar.value else {
        reading.error(
          "expected \(noun), found \(node.kind)", at: node.position,
          hint: pattern.map(scalar.text.isWhole) ?? true ? "put it in quotes: \"\(scalar.text)\"" : hint)
        return nil
      }
      if let pattern, !text.isWhole(pattern) {
        reading.error("'\(text)' is not \(noun)", at: node.position, hint: hint)
        return nil
      }
      return text
    }
  }

  /// Returns the shape of a choice between words.
  ///
  /// - Parameters:
  ///   - words: The words.
  ///   - noun: Noun for a word, with its article: `a signal`.
  static func choice(_ words: [String], _ noun: String) -> Shape {
    Shape(.choice(words)) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error(
          "expected \(noun), found \(node.kind)", at: node.position,
          hint: "possible: \(words.joined(separator: ", "))")
        return nil
      }
      guard words.contains(scalar.text), node.text != nil else {
        reading.error(
          "'\(scalar.text)' is not \(noun)", at: node.position,
          hint: NearestName.hint(for: scalar.text, among: words, kind: "possible"))
        return nil
      }
      return scalar.text
    }
  }
}

extension Shape where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// Returns the shape of a choice between the raw values of an enumeration.
  ///
  /// - Parameter noun: Noun for a case, with its article.
  static func cases(_ noun: String) -> Shape {
    Shape<String>.choice(Value.allCases.map(\.rawValue), noun).converted { word, _, _ in Value(rawValue: word) }
  }
}

extension Shape<Int> {
  /// Returns the shape of a whole number in a range.
  static func integer(_ range: ClosedRange<Int>) -> Shape {
    Shape(.integer(range)) { node, reading in
      guard case .scalar(let scalar) = node.content, case .integer(let number) = scalar.value else {
        let quoted = node.text.flatMap { Int($0) } != nil
        reading.error(
          "expected a whole number, found \(node.kind)", at: node.position,
          hint: quoted ? "write it without quotes" : nil)
        return nil
      }
      guard range.contains(number) else {
        let (first, last) = (range.lowerBound, range.upperBound)
        let limits = first == last ? "\(first)" : last == .max ? "at least \(first)" : "\(first) to \(last)"
        reading.error("\(number) is out of range", at: node.position, hint: "possible: \(limits)")
        return nil
      }
      return number
    }
  }
}

extension Shape<Bool> {
  /// `true` or `false`.
  static let truth = Shape(.truth) { node, reading in
    guard case .scalar(let scalar) = node.content, case .truth(let truth) = scalar.value else {
      reading.error("expected true or false, found \(node.kind)", at: node.position, hint: "write true or false")
      return nil
    }
    return truth
  }
}
