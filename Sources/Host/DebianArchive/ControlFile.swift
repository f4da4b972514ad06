/// Debian control data: paragraphs of fields (Debian Policy, section 5.1).
public enum ControlFile {
  /// Returns the names of the packages in a field like `Pre-Depends`, alternatives included (Debian Policy, section
  /// 7.1).
  public static func names(inRelation field: String) -> [String] {
    field.split(whereSeparator: { ",|".contains($0) }).compactMap { part in
      part.split(whereSeparator: { " (:\n".contains($0) }).first.map(String.init)
    }
  }

  /// Splits a text into paragraphs of fields; continuation lines keep their line breaks.
  ///
  /// Lines that begin with `#` are comments. Lines without a field are ignored.
  public static func paragraphs(_ text: String) -> [[String: String]] {
    var result: [[String: String]] = []
    var current: [String: String] = [:]
    var field: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isWhitespace) {
        if !current.isEmpty { result.append(current) }
        current = [:]
        field = nil
      } else if line.first == "#" {
        continue
      } else if line.first == " " || line.first == "\t" {
        if let field { current[field, default: ""] += "\n" + line.drop(while: \.isWhitespace) }
      } else if let colon = line.firstIndex(of: ":") {
        let name = String(line[..<colon])
        current[name] = String(line[line.index(after: colon)...].drop(while: \.isWhitespace))
        field = name
      }
    }
    if !current.isEmpty { result.append(current) }
    return result
  }
}
