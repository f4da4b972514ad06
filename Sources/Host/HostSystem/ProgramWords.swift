/// The part of a failed program's output that a message shows.
public enum ProgramWords {
  /// Maximum number of lines shown, in addition to the decisive ones.
  private static let lineLimit = 30
  private static let decisiveLimit = 8

  /// Returns lines for a message, each after a line break: first the errors of package tools, then the last lines of
  /// all.
  public static func shown(of said: String) -> String {
    let lines = said.split(separator: "\n").map(String.init).filter { !$0.allSatisfy(\.isWhitespace) }
    let decisive = decisiveLines(lines)
    let rest = lines.suffix(lineLimit).filter { !decisive.contains($0) }
    return (decisive + (decisive.isEmpty || rest.isEmpty ? [] : ["…"]) + rest).map { "\n  | \($0)" }.joined()
  }

  /// Returns the first lines in which dpkg and APT report errors. Much output of other packages may follow them.
  static func decisiveLines(_ lines: [String]) -> [String] {
    var found: [String] = []
    for (index, line) in lines.enumerated() where found.count < decisiveLimit {
      let words = line.split(separator: ":", maxSplits: 2).map { $0.drop(while: \.isWhitespace) }
      let isOfDpkg = line.hasPrefix("dpkg") && words.count > 1 && words[1].hasPrefix("error")
      guard isOfDpkg || line.hasPrefix("E: "), !found.contains(line) else { continue }
      found.append(line)
      // dpkg prints the reason in a line of its own.
      if isOfDpkg, line.hasSuffix(":"), index + 1 < lines.count { found.append(lines[index + 1]) }
    }
    return found
  }
}
