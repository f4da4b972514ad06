import FoundationEssentials

/// Parallel work, with as many tasks at a time as there are processors (at least two).
public enum SideBySide {
  /// Does the work on each item, started in the items' order.
  ///
  /// The largest item should come first, so that it is not the last one to finish while the other processors are idle.
  ///
  /// - Throws: The first error of the work. No further work starts then.
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
