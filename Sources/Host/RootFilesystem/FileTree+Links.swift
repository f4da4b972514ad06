extension FileTree {
  /// Most links that are followed for one path, as in the kernel (path_resolution(7)).
  private static let maximumLinks = 40

  /// The path of the file that a path comes to through links, those of folders on the way included; `nil` where there
  /// is no file.
  public func resolve(_ path: String) -> String? {
    guard case .found(let place) = follow(path), case .file = self[place]?.kind else { return nil }
    return place
  }

  /// The path that a link leads to by way of further ones, where nothing is there; `nil` where the path itself is missing, or something is
  /// there.
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
