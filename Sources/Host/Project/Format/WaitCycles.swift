/// The search for cycles of programs or layers that wait for each other.
enum WaitCycles {
  /// A cycle, from its first member back to it.
  struct Cycle: Sendable {
    /// Names of the members. The first and the last are the same.
    var names: [String]
    /// Position at which the first member names the second.
    var position: SourcePosition
  }

  /// Returns all cycles, each once.
  ///
  /// - Parameters:
  ///   - waits: Names that each member waits for.
  ///   - order: Names of all members. A cycle begins with its first member in this order.
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
