extension String {
  /// True where a regular expression describes the whole text.
  ///
  /// - Parameter pattern: An expression in the part of the language that ECMA-262 and Swift read the same way; `^` and
  ///   `$` are not needed.
  func isWhole(_ pattern: String) -> Bool { (try? WholeTextPattern(pattern))?.describes(self) ?? false }
}

/// A regular expression for a whole text, in the part of the language that ECMA-262 and Swift read the same way.
struct WholeTextPattern {
  private let expression: Regex<AnyRegexOutput>

  /// Reads an expression.
  ///
  /// - Throws: An error of Swift's where it is none.
  init(_ pattern: String) throws {
    // ECMA-262 compares single scalars: a letter and its accent are two, CR and LF are two.
    expression = try Regex(pattern).matchingSemantics(.unicodeScalar)
  }

  /// True where the expression describes the whole text.
  func describes(_ text: String) -> Bool { (try? expression.wholeMatch(in: text)) != nil }
}
