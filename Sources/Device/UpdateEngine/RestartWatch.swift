import Synchronization

/// Notices between two looks that a unit or program has ended and was started again: at the moment of a look it may well be running.
final class RestartWatch: Sendable {
  private let last = Mutex<[String: Int]?>(nil)

  /// Compares with the look before.
  ///
  /// - Parameter restarts: How often each has been started again.
  /// - Returns: Who has been since then, in sentences; nothing at the first look, as a start has its own troubles.
  func problems(_ restarts: [String: Int]) -> [String] {
    last.withLock { last in
      defer { last = restarts }
      guard let last else { return [] }
      return restarts.filter { $0.value > (last[$0.key] ?? 0) }.sorted { $0.key < $1.key }.map { name, count in
        "\(name) has ended and was started again, \(count) \(count == 1 ? "time" : "times") so far"
      }
    }
  }
}
