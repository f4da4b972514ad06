extension FileTree {
  /// Most links that are followed for one path, as in the kernel (path_resolution(7)).
  private static let maximumLinks = 40

  /// The path of the file that a path comes to through links, those of folders on the way included; `nil` where there
  /// is no file.
  public func resolve(_ path: String) -> String? {
    var rest = Self.normalised(path).split(separator: "/").map(String.init)[...]
    var place: [String] = []
    var links = 0
    while let part = rest.popFirst() {
      if part == ".." {
        _ = place.popLast()
        continue
      }
      place.append(part)
      guard let entry = self[place.joined(separator: "/")] else { return nil }
      guard case .link(let target) = entry.kind else { continue }
      links += 1
      guard links <= Self.maximumLinks else { return nil }
      place = target.hasPrefix("/") ? [] : place.dropLast()
      rest = target.split(separator: "/").filter { $0 != "." }.map(String.init) + rest
    }
    let found = place.joined(separator: "/")
    guard case .file = self[found]?.kind else { return nil }
    return found
  }
}
