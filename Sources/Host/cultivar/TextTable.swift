/// Rows of words in columns.
enum TextTable {
  /// The rows, each column as wide as its widest word.
  ///
  /// - Parameter right: Columns that are aligned at their right edge.
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
