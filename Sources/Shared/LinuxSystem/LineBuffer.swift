/// Collects received bytes and returns them line by line.
public struct LineBuffer: Sendable {
  /// A line is longer than the limit.
  public struct TooLong: Error {
    public init() {}
  }

  private let limit: Int
  private var received: [UInt8] = []
  /// Number of bytes that have no newline.
  private var searched = 0

  /// - Parameter limit: Number of bytes at which a line without an end is too long.
  public init(limit: Int) { self.limit = limit }

  public mutating func add(_ bytes: some Sequence<UInt8>) { received += bytes }

  /// The bytes that no line was made from.
  public var rest: [UInt8] { received }

  /// True if ``next()`` has a line.
  public var hasLine: Bool { received[searched...].contains(UInt8(ascii: "\n")) }

  /// Removes the next complete line, and returns it without its newline; `nil` if there is none.
  public mutating func next() throws(TooLong) -> [UInt8]? {
    guard let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = received.count
      guard searched < limit else { throw TooLong() }
      return nil
    }
    let line = Array(received[..<end])
    received.removeSubrange(...end)
    searched = 0
    return line
  }
}
