import TestFixtures

/// Every state that power cuts leave of a log: after each write, with what was not flushed kept, lost, kept in part, or torn.
public struct CutStates {
  /// A state.
  public struct State: Sendable, CustomStringConvertible {
    /// After how many entries of the log the power was cut.
    public var entry: Int
    /// What became of what was not flushed.
    public var fate: Fate

    /// For messages: enough to make it again.
    public var description: String { "after entry \(entry), \(fate)" }
  }

  /// What became of the writes since the last flush.
  public enum Fate: Sendable, Equatable {
    /// All are on the disk.
    case kept
    /// None is.
    case lost
    /// Of each, whether it is follows from the number; so is which of its sectors are, for the last one.
    case mixed(seed: UInt64)
  }

  private let log: DiskWriteLog
  private let disk: CutDisk
  /// What counts more than the rest.
  private let isImportant: (DiskWriteLog.Entry) -> Bool
  /// Of the important writes, and of the others, one in so many is a cut.
  private let strides: (important: Int, others: Int)
  private let seed: UInt64
  /// States of each cut that are mixed.
  private let mixes: Int

  /// - Parameters:
  ///   - disk: As it was when the log began.
  ///   - isImportant: Whether a write is of what decides about a start.
  ///   - strides: Of the important writes, and of the others, one in so many is a cut.
  ///   - mixes: How many mixed states are made of each cut.
  public init(
    _ log: DiskWriteLog, on disk: CutDisk, isImportant: @escaping (DiskWriteLog.Entry) -> Bool = { _ in true },
    strides: (important: Int, others: Int) = (1, 1), mixes: Int = 2, seed: UInt64 = 1
  ) {
    self.log = log
    self.disk = disk
    self.isImportant = isImportant
    self.strides = strides
    self.mixes = mixes
    self.seed = seed
  }

  /// Goes through the states; the disk is in each while `body` looks at it.
  ///
  /// - Returns: How many there were.
  public func forEach(_ body: (State, CutDisk) throws -> Void) rethrows -> Int {
    var pending: [DiskWriteLog.Entry] = []
    var (count, important, others) = (0, 0, 0)
    func show(_ state: State, _ writes: [(place: UInt64, bytes: [UInt8])]) throws {
      disk.set(loose: writes)
      count += 1
      try body(state, disk)
    }
    for (number, entry) in log.entries.enumerated() {
      guard entry.kind == .write else {
        for write in pending { disk.settle(log.bytes(of: write), at: write.place) }
        pending = []
        continue
      }
      pending.append(entry)
      if isImportant(entry) {
        important += 1
        guard important % strides.important == 0 else { continue }
      } else {
        others += 1
        guard others % strides.others == 0 else { continue }
      }
      let writes = pending.map { (place: $0.place, bytes: log.bytes(of: $0)) }
      try show(State(entry: number, fate: .kept), writes)
      if pending.count == 1 { try show(State(entry: number, fate: .lost), []) }
      for mix in 0..<mixes {
        let fateSeed = seed &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(number * mixes + mix)
        try show(State(entry: number, fate: .mixed(seed: fateSeed)), Self.mixed(writes, seed: fateSeed))
      }
    }
    return count
  }

  /// Some of the writes, and of the last one some sectors of 512 bytes.
  static func mixed(
    _ writes: [(place: UInt64, bytes: [UInt8])], seed: UInt64
  ) -> [(place: UInt64, bytes: [UInt8])] {
    var random = SeededGenerator(seed: seed)
    var result: [(place: UInt64, bytes: [UInt8])] = []
    for write in writes.dropLast() where random.next() % 2 == 0 { result.append(write) }
    guard let last = writes.last else { return result }
    // A disk writes whole sectors, in any order.
    for start in Swift.stride(from: 0, to: last.bytes.count, by: 512) where random.next() % 2 == 0 {
      let range = start..<min(start + 512, last.bytes.count)
      result.append((last.place + UInt64(start), Array(last.bytes[range])))
    }
    return result
  }
}
