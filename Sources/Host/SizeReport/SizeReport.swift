/// The distribution of an image's size over origins, folders and files.
public struct SizeReport: Codable, Sendable, Equatable {
  /// An origin, a folder or a file.
  public struct Row: Codable, Sendable, Equatable {
    /// Name of an origin, or a path.
    public var name: String
    /// Total size of the files in bytes.
    public var size: Int64
    /// Number of files.
    public var files: Int
  }

  /// Name of the image.
  public var image: String
  /// Total size of all files in bytes.
  public var size: Int64
  /// Number of all files.
  public var files: Int
  /// Parts of the build that added the files, the largest first.
  public var origins: [Row]
  /// Folders with everything below them, the largest first.
  public var folders: [Row]
  /// The largest files.
  public var largest: [Row]

  /// Computes the report.
  ///
  /// - Parameters:
  ///   - listing: The files of the image.
  ///   - depth: Maximum depth of the listed folders; at least 1.
  ///   - limit: Maximum number of single files. Folders and origins are always complete.
  public init(_ listing: ContentsListing, depth: Int, limit: Int) {
    image = listing.image
    let found = listing.files
    size = found.reduce(0) { $0 + $1.size }
    files = found.count
    origins = Self.rows(found) { $0.origin }
    folders = Self.rows(found) { file in
      let parts = file.path.split(separator: "/").dropLast().prefix(depth)
      return "/" + parts.joined(separator: "/")
    }
    largest = Self.sorted(found.map { Row(name: $0.path, size: $0.size, files: 1) }).prefix(limit).map(\.self)
  }

  private static func rows(_ files: [ContentsListing.Entry], by name: (ContentsListing.Entry) -> String) -> [Row] {
    var rows: [String: Row] = [:]
    for file in files {
      let name = name(file)
      rows[name, default: Row(name: name, size: 0, files: 0)].size += file.size
      rows[name]?.files += 1
    }
    return sorted(Array(rows.values))
  }

  /// Sorts rows by size, the largest first, and rows of the same size by name, so that the order is always the same.
  private static func sorted(_ rows: [Row]) -> [Row] {
    rows.sorted { ($1.size, $0.name) < ($0.size, $1.name) }
  }

  /// The report as text, with a bar for each row.
  ///
  /// - Parameters:
  ///   - limit: Maximum number of rows in a section. A last row counts the rest.
  ///   - size: Formats a number of bytes.
  public func text(limit: Int, size format: (Int64) -> String) -> String {
    var lines = ["\(image): \(format(size)) in \(files) files"]
    let sections = [("By origin", origins), ("By folder", folders), ("Largest files", largest)]
    for (title, rows) in sections where !rows.isEmpty {
      lines += ["", title]
      let most = rows.first?.size ?? 0
      lines += rows.prefix(limit).map { row in
        let share = size > 0 ? "\((row.size * 100 + size / 2) / size) %" : ""
        return
          "  \(Self.right(format(row.size), 10))  \(Self.right(share, 5))  \(Self.bar(row.size, of: most))  \(row.name)"
      }
      let rest = rows.dropFirst(limit)
      if !rest.isEmpty, title != "Largest files" {
        lines.append("  \(Self.right(format(rest.reduce(0) { $0 + $1.size }), 10))  in \(rest.count) more")
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// A bar of twenty characters, with a resolution of an eighth of a character.
  private static func bar(_ size: Int64, of most: Int64) -> String {
    guard most > 0 else { return String(repeating: " ", count: 20) }
    let eighths = Int(size * 160 / most)
    var bar = String(repeating: "█", count: eighths / 8)
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    bar += parts[eighths % 8]
    return bar + String(repeating: " ", count: 20 - bar.count)
  }
}
