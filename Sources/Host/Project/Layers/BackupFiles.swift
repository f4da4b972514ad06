/// Files that editors and merges leave behind: never a step, never content of an image.
enum BackupFiles {
  private static let endings = ["~", ".bak", ".orig", ".swp"]

  /// Whether a file has the name of a file that was left behind.
  static func isOne(_ name: String) -> Bool {
    name.hasPrefix(".#") || endings.contains { name.hasSuffix($0) }
  }
}
