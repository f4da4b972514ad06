/// Backup files of editors and merges. They are never steps or content of an image.
enum BackupFiles {
  private static let endings = ["~", ".bak", ".orig", ".swp"]

  /// Returns true if a name is that of a backup file.
  static func isOne(_ name: String) -> Bool {
    name.hasPrefix(".#") || endings.contains { name.hasSuffix($0) }
  }
}
