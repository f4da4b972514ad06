/// A table of text.
enum TextTable {
  /// Formats rows as text. Each column is as wide as its widest cell.
  ///
  /// - Parameter right: Indexes of the columns that are aligned to the right.
  static func text(_ rows: [[String]], right: Set<Int> = []) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, word in
        let space = String(repeating: " ", count: widths[column] - word.count)
        return right.contains(column) ? space + word : word + space
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
