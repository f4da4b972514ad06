extension Shape<String> {
  /// Text of any kind.
  static let anyText = text("text", pattern: nil)

  /// Text that a regular expression describes.
  ///
  /// - Parameters:
  ///   - noun: What it is, with its article and, where it helps, an example: `a size like 64M`.
  ///   - pattern: Regular expression of the whole text; `nil` where every text will do.
  ///   - hint: What to write instead of a wrong one.
  static func text(_ noun: String, pattern: String?, hint: String? = nil) -> Shape {
    Shape(.text(TextDescription(noun: noun, pattern: pattern))) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error("expected \(noun), found \(node.kind)", at: node.position)
        return nil
      }
      guard case .text(let text) = scalar.value else {
        reading.error(
          "expected \(noun), found \(node.kind)", at: node.position,
          hint: scalar.text.isEmpty ? nil : "put it in quotes to make it text: \"\(scalar.text)\"")
        return nil
      }
      if let pattern, !text.isWhole(pattern) {
        reading.error("'\(text)' is not \(noun)", at: node.position, hint: hint)
        return nil
      }
      return text
    }
  }

  /// One of a few words.
  static func choice(_ words: [String], kind: String = "possible values") -> Shape {
    Shape(.choice(words)) { node, reading in
      guard case .scalar(let scalar) = node.content else {
        reading.error(
          "expected one word, found \(node.kind)", at: node.position,
          hint: "\(kind): \(words.joined(separator: ", "))")
        return nil
      }
      guard words.contains(scalar.text), node.text != nil else {
        reading.error(
          "'\(scalar.text)' is not possible here", at: node.position,
          hint: NearestName.hint(for: scalar.text, among: words, kind: kind))
        return nil
      }
      return scalar.text
    }
  }
}

extension Shape where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the cases of an enumeration, by raw value.
  static var cases: Shape {
    Shape<String>.choice(Value.allCases.map(\.rawValue)).converted { word, _, _ in Value(rawValue: word) }
  }
}

extension Shape<Int> {
  /// A whole number in a range.
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
        let limits =
          range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
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
