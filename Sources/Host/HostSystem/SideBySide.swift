import FoundationEssentials

/// Work of which as much is done at a time as there are processors.
public enum SideBySide {
  /// Does the work on each item, begun in their order: the largest should come first, so that no processor waits for it alone at the
  /// end.
  ///
  /// - Throws: The first error of the work; no further work is begun then.
  public static func run<Item: Sendable>(
    _ items: [Item], _ work: @Sendable @escaping (Item) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      var rest = items[...]
      for item in rest.prefix(max(2, ProcessInfo.processInfo.activeProcessorCount)) {
        group.addTask { try await work(item) }
        rest.removeFirst()
      }
      while try await group.next() != nil {
        if let item = rest.popFirst() { group.addTask { try await work(item) } }
      }
    }
  }
}
