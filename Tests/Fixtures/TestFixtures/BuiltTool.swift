import Foundation

/// `cultivar` as it was built with the tests.
public enum BuiltTool {
  /// The executable.
  public static let file = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "cultivar")
}
