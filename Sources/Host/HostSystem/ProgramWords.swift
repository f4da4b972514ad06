/// The part of a failed program's words that a message shows.
public enum ProgramWords {
  /// Most lines that are shown, the decisive ones not counted.
  private static let lineLimit = 30
  private static let decisiveLimit = 8

  /// Lines for a message, each after a line break: first those of package tools that say why, then the last ones of all.
  public static func shown(of said: String) -> String {
    let lines = said.split(separator: "\n").map(String.init).filter { !$0.allSatisfy(\.isWhitespace) }
    let decisive = decisiveLines(lines)
    let rest = lines.suffix(lineLimit).filter { !decisive.contains($0) }
    return (decisive + (decisive.isEmpty || rest.isEmpty ? [] : ["…"]) + rest).map { "\n  | \($0)" }.joined()
  }

  /// The first lines with which dpkg and APT say why they fail. A list of what was not done follows them, and all that other packages print.
  static func decisiveLines(_ lines: [String]) -> [String] {
    var found: [String] = []
    for (index, line) in lines.enumerated() where found.count < decisiveLimit {
      let words = line.split(separator: ":", maxSplits: 2).map { $0.drop(while: \.isWhitespace) }
      let isOfDpkg = line.hasPrefix("dpkg") && words.count > 1 && words[1].hasPrefix("error")
      guard isOfDpkg || line.hasPrefix("E: "), !found.contains(line) else { continue }
      found.append(line)
      // The reason stands in a line of its own.
      if isOfDpkg, line.hasSuffix(":"), index + 1 < lines.count { found.append(lines[index + 1]) }
    }
    return found
  }
}
