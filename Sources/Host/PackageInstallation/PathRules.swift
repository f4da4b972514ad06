import CLinuxSystem

/// Rules for excluded paths (`path-exclude` and `path-include` of `dpkg(1)`). The last matching rule counts.
struct PathRules: Sendable {
  private let rules: [(pattern: [CChar], isInclusion: Bool)]

  init(_ rules: [InstallationPlan.Rule]) {
    self.rules = rules.map { (Array($0.pattern.utf8).cString, $0.isInclusion) }
  }

  var isEmpty: Bool { rules.isEmpty }

  /// Returns true if a path is not excluded.
  func keep(_ path: TreePath) -> Bool {
    guard !rules.isEmpty else { return true }
    let text = path.bytes.cString
    return rules.last { fnmatch($0.pattern, text, 0) == 0 }?.isInclusion ?? true
  }
}
