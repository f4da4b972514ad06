extension FileTree {
  /// Maximum number of links to follow for one path, as in the kernel (path_resolution(7)).
  private static let maximumLinks = 40

  /// Follows all links in a path, including those of folders, to a file. Returns its path; `nil` if there is no file.
  public func resolve(_ path: String) -> String? {
    guard case .found(let place) = follow(path), case .file = self[place]?.kind else { return nil }
    return place
  }

  /// Follows a link, and further links, to a missing path. Returns the missing path; `nil` if `path` itself is missing
  /// or the target exists.
  public func missingTarget(of path: String) -> String? {
    guard case .missing(let place, let links) = follow(path), links > 0 else { return nil }
    return place
  }

  private enum Outcome {
    case found(String)
    case missing(String, links: Int)
    case circle
  }

  private func follow(_ path: String) -> Outcome {
    var rest = Self.normalised(path).split(separator: "/").map(String.init)[...]
    var place: [String] = []
    var links = 0
    while let part = rest.popFirst() {
      if part == ".." {
        _ = place.popLast()
        continue
      }
      place.append(part)
      guard let entry = self[place.joined(separator: "/")] else {
        return .missing((place + rest).joined(separator: "/"), links: links)
      }
      guard case .link(let target) = entry.kind else { continue }
      links += 1
      guard links <= Self.maximumLinks else { return .circle }
      place = target.hasPrefix("/") ? [] : place.dropLast()
      rest = target.split(separator: "/").filter { $0 != "." }.map(String.init) + rest
    }
    return .found(place.joined(separator: "/"))
  }
}
