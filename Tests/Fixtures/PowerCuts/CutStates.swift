import TestFixtures

/// All states of a disk after power cuts within a log: after each write, with the unflushed writes kept, lost, partly
/// kept, or torn.
public struct CutStates {
  /// One state.
  public struct State: Sendable, CustomStringConvertible {
    /// Number of log entries before the power cut.
    public var entry: Int
    /// The fate of the unflushed writes.
    public var fate: Fate

    /// A description for messages, sufficient to reproduce the state.
    public var description: String { "after entry \(entry), \(fate)" }
  }

  /// The fate of the writes since the last flush.
  public enum Fate: Sendable, Equatable {
    /// All are on the disk.
    case kept
    /// None is on the disk.
    case lost
    /// The seed decides for each write if it is on the disk, and for the last one, which of its sectors.
    case mixed(seed: UInt64)
  }

  private let log: DiskWriteLog
  private let disk: CutDisk
  /// True for writes that matter more than the others.
  private let isImportant: (DiskWriteLog.Entry) -> Bool
  /// Intervals of the cuts among the important and the other writes: 1 for every write, 2 for every second one.
  private let strides: (important: Int, others: Int)
  private let seed: UInt64
  /// Number of mixed states per cut.
  private let mixes: Int

  /// - Parameters:
  ///   - disk: The disk before the log began.
  ///   - isImportant: Returns true for a write that decides about a start.
  ///   - strides: Intervals of the cuts among the important and the other writes: 1 for every write, 2 for every second
  ///     one.
  ///   - mixes: Number of mixed states per cut.
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

  /// Calls `body` for each state, with the disk in that state.
  ///
  /// - Returns: The number of states.
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

  /// Returns some of the writes, and of the last one some sectors of 512 bytes.
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
