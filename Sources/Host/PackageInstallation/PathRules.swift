import CLinuxSystem

/// Rules for paths that are left out (`path-exclude` and `path-include` of `dpkg(1)`): of those that match, the last one counts.
struct PathRules: Sendable {
  private let rules: [(pattern: [CChar], isInclusion: Bool)]

  init(_ rules: [InstallationPlan.Rule]) {
    self.rules = rules.map { (Array($0.pattern.utf8).cString, $0.isInclusion) }
  }

  /// True if there are none.
  var isEmpty: Bool { rules.isEmpty }

  /// True if a path is not left out.
  func keep(_ path: TreePath) -> Bool {
    guard !rules.isEmpty else { return true }
    let text = path.bytes.cString
    return rules.last { fnmatch($0.pattern, text, 0) == 0 }?.isInclusion ?? true
  }
}
