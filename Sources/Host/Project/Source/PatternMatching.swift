extension String {
  /// Returns true if a regular expression matches the whole text.
  ///
  /// - Parameter pattern: An expression in the syntax that ECMA-262 and Swift share. `^` and `$` are not needed.
  func isWhole(_ pattern: String) -> Bool { (try? WholeTextPattern(pattern))?.describes(self) ?? false }
}

/// A regular expression for a whole text, in the syntax that ECMA-262 and Swift share.
struct WholeTextPattern {
  private let expression: Regex<AnyRegexOutput>

  /// - Throws: An error of the Swift library if the expression is invalid.
  init(_ pattern: String) throws {
    // ECMA-262 matches single Unicode scalars: a letter with a combining accent is two, CR LF is two.
    expression = try Regex(pattern).matchingSemantics(.unicodeScalar)
  }

  /// Returns true if the expression matches the whole text.
  func describes(_ text: String) -> Bool { (try? expression.wholeMatch(in: text)) != nil }
}
