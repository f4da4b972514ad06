import Foundation

/// The `cultivar` that was built together with the tests.
public enum BuiltTool {
  public static let file = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "cultivar")
}
