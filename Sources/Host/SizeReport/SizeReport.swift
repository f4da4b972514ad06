/// What is large in an image: by who brought it, by folder, and file by file.
public struct SizeReport: Codable, Sendable, Equatable {
  /// A part of the whole.
  public struct Row: Codable, Sendable, Equatable {
    /// What it is: an origin, or a path.
    public var name: String
    /// Bytes of its files.
    public var size: Int64
    /// How many files it has.
    public var files: Int
  }

  /// Name of the image.
  public var image: String
  /// Bytes of all files.
  public var size: Int64
  /// How many files there are.
  public var files: Int
  /// Parts by who brought them, the largest first.
  public var origins: [Row]
  /// Folders, each with all that is below it, the largest first.
  public var folders: [Row]
  /// The largest files.
  public var largest: [Row]

  /// Counts.
  ///
  /// - Parameters:
  ///   - listing: The files.
  ///   - depth: How many folders deep the folders are told; at least 1.
  ///   - limit: Most files that are named; folders and origins are all there.
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

  /// The largest first; equal ones by name, so that the order is always the same.
  private static func sorted(_ rows: [Row]) -> [Row] {
    rows.sorted { ($1.size, $0.name) < ($0.size, $1.name) }
  }

  /// The report as text, with a bar for each row.
  ///
  /// - Parameters:
  ///   - limit: Most rows of a section; what is left out is said.
  ///   - size: Writes a number of bytes.
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

  /// A bar of twenty characters, filled to an eighth of one.
  private static func bar(_ size: Int64, of most: Int64) -> String {
    guard most > 0 else { return String(repeating: " ", count: 20) }
    let eighths = Int(size * 160 / most)
    var bar = String(repeating: "█", count: eighths / 8)
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    bar += parts[eighths % 8]
    return bar + String(repeating: " ", count: 20 - bar.count)
  }
}
