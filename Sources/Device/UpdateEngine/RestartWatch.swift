import Synchronization

/// Notices that a unit or program was restarted between two checks, as it may be running at each check.
final class RestartWatch: Sendable {
  private let last = Mutex<[String: Int]?>(nil)

  /// Compares restart counts with those of the previous check.
  ///
  /// - Parameter restarts: The number of restarts of each unit or program.
  /// - Returns: The units or programs restarted since then, as sentences. Empty at the first check, as restarts are
  ///   normal during a start.
  func problems(_ restarts: [String: Int]) -> [String] {
    last.withLock { last in
      defer { last = restarts }
      guard let last else { return [] }
      return restarts.filter { $0.value > (last[$0.key] ?? 0) }.sorted { $0.key < $1.key }.map { name, count in
        "\(name) ended and was restarted, \(count) \(count == 1 ? "time" : "times") so far"
      }
    }
  }
}
