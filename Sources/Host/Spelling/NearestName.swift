/// Suggests an existing name for a misspelled one.
public enum NearestName {
  /// If there are more candidates than this, a hint lists only the nearest one.
  private static let listedBesideNearest = 20

  /// Finds the candidate that is nearest to a name.
  ///
  /// - Parameters:
  ///   - name: The misspelled name.
  ///   - candidates: The existing names.
  /// - Returns: The candidate with the fewest edits; `nil` if none is near enough to be a likely misspelling.
  public static func nearest(to name: String, among candidates: [String]) -> String? {
    let written = name.lowercased()
    let distances = candidates.map { (name: $0, edits: distance(written, $0.lowercased())) }
    if let best = distances.min(by: { $0.edits < $1.edits }), best.edits <= max(1, name.count / 3) {
      return best.name
    }
    // Accept a part of a name (net_bind), and a name with a prefix (CAP_SYS_TIME).
    return candidates.first { candidate in
      min(written.count, candidate.count) >= 3
        && (candidate.lowercased().hasPrefix(written) || written.hasSuffix(candidate.lowercased()))
    }
  }

  /// A hint for a misspelled name: the nearest existing name or all of them; `nil` if there are none.
  ///
  /// - Parameters:
  ///   - name: The misspelled name.
  ///   - candidates: The existing names.
  ///   - kind: The kind of candidates, in the plural: `keys`.
  public static func hint(for name: String, among candidates: [String], kind: String) -> String? {
    guard !candidates.isEmpty else { return nil }
    let all = "\(kind): \(candidates.joined(separator: ", "))"
    guard let nearest = nearest(to: name, among: candidates) else { return all }
    return candidates.count <= listedBesideNearest
      ? "did you mean '\(nearest)'? (\(all))" : "did you mean '\(nearest)'?"
  }

  /// The number of edits (insert, delete, replace, swap of neighbours) that turn one text into the other.
  private static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first), Array(second))
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in 1...a.count {
      var current = [i]
      for j in 1...b.count {
        let replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        var edits = min(replaced, previous[j] + 1, current[j - 1] + 1)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          edits = min(edits, beforePrevious[j - 2] + 1)
        }
        current.append(edits)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[b.count]
  }
}
