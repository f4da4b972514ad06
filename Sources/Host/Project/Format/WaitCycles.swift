/// Circles of programs that wait for each other.
enum WaitCycles {
  /// One circle, from its first program back to it.
  struct Cycle: Sendable {
    /// The programs; first and last are the same.
    var names: [String]
    /// Where the first one names the second.
    var position: SourcePosition
  }

  /// All circles, each once.
  ///
  /// - Parameters:
  ///   - waits: What each program waits for.
  ///   - order: The programs; a circle begins with the earliest of its own.
  static func all(in waits: [String: [Located<String>]], order: [String]) -> [Cycle] {
    var cycles: [Cycle] = []
    var finished: Set<String> = []
    func visit(_ name: String, _ path: [Located<String>]) {
      if let start = path.firstIndex(where: { $0.value == name }) {
        let members = path[start...].map(\.value) + [name]
        cycles.append(Cycle(names: members, position: path[start].position))
        return
      }
      guard !finished.contains(name) else { return }
      for target in waits[name] ?? [] {
        visit(target.value, path + [Located(value: name, position: target.position)])
      }
      finished.insert(name)
    }
    for name in order {
      visit(name, [])
    }
    return cycles
  }
}
