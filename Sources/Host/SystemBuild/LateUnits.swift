import Project

/// Changes of units that only a later layer makes possible, because it provides the unit.
///
/// The script of a layer notes a missing unit in the root, and later layers that may provide it try again. The last of them
/// removes the note: either the unit was found, or the build fails.
struct LateUnits: Sendable {
  /// A key of `units`, and a unit that it names.
  struct Change: Hashable, Sendable {
    var key: String
    var unit: String

    /// The line of the note.
    var note: String { "\(key) \(unit)" }
  }

  /// A change of an earlier layer that a layer tries again.
  struct Retry: Sendable, Equatable {
    var change: Change
    /// Position of the change in the earlier layer.
    var position: SourcePosition
    /// True if no layer after this one can bring the unit.
    var isLast: Bool
  }

  /// The changes that concern one layer.
  struct Share: Sendable, Equatable {
    /// Changes of the layer that may wait.
    var mayWait: Set<Change> = []
    /// Changes of earlier layers, in their order.
    var retries: [Retry] = []
  }

  /// The share of each layer.
  let shares: [Share]

  /// Finds the changes that may wait: those of layers after which another one brings packages, or the unit's file.
  init(_ layers: [SystemLayer]) {
    var shares = [Share](repeating: Share(), count: layers.count)
    for (index, layer) in layers.enumerated() {
      let units = layer.units
      let changes =
        units.enabled.map { ("enable", $0) } + units.disabled.map { ("disable", $0) }
        + [units.defaultTarget].compactMap(\.self).map { ("default", $0) }
      for (key, unit) in changes {
        let names = [unit.value, unit.value.unitTemplate].compactMap(\.self)
        guard !layers[...index].contains(where: { Self.brings(names, $0) }) else { continue }
        let chances = layers.indices.filter { later in
          later > index && (!layers[later].packages.isEmpty || Self.brings(names, layers[later]))
        }
        guard let last = chances.last else { continue }
        let change = Change(key: key, unit: unit.value)
        shares[index].mayWait.insert(change)
        for later in chances {
          shares[later].retries.append(Retry(change: change, position: unit.position, isLast: later == last))
        }
      }
    }
    self.shares = shares
  }

  /// True if a layer has a file that is one of the units.
  private static func brings(_ names: [String], _ layer: SystemLayer) -> Bool {
    layer.files.contains { $0.unit.map(names.contains) == true }
  }
}
