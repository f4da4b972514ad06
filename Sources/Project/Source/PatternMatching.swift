import Foundation

extension String {
  /// Whether the whole text is described by a regular expression.
  ///
  /// - Parameter pattern: An expression in the part of the language that ECMA-262 and ICU read the same way; `^` and
  ///   `$` are not needed.
  func isWhole(_ pattern: String) -> Bool {
    range(of: "^(?:\(pattern))$", options: .regularExpression) == startIndex..<endIndex
  }
}
