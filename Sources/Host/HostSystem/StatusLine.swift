import Glibc

/// Lines on standard error. On a terminal, the last line can change.
public struct StatusLine: Sendable {
  /// True if standard error is a terminal.
  public static var isPossible: Bool { isatty(STDERR_FILENO) == 1 }

  /// True if the last line can change.
  public let canChange: Bool
  private var isShown = false

  public init(canChange: Bool = Self.isPossible) { self.canChange = canChange }

  /// Replaces the changing line. Does nothing if lines cannot change.
  public mutating func change(to text: String) {
    guard canChange else { return }
    StandardError.write("\r\u{1b}[K\(text)")
    isShown = true
  }

  /// Prints a line that stays.
  public mutating func print(_ text: String) {
    clear()
    StandardError.write("\(text)\n")
  }

  /// Removes the changing line, so that other output begins on an empty line.
  public mutating func clear() {
    guard isShown else { return }
    StandardError.write("\r\u{1b}[K")
    isShown = false
  }
}
