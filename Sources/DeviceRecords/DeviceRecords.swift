import DeviceModel
import Glibc
import LinuxSystem

/// What the device itself keeps on the data partition over reboots: its id, a random seed and the time.
///
/// Seed and time are replaced again and again, also while the partition is full: they have room of their own (``ReservedFile``).
public struct DeviceRecords {
  private let folder: String

  /// Opens the records in a folder, usually ``DevicePaths/records``.
  ///
  /// - Throws: where the folder cannot be made.
  public init(in folder: String) throws(SystemError) {
    self.folder = folder
    try FileTree.makeFolders(folder)
  }

  /// The id of this device: 32 hexadecimal digits (`machine-id(5)`), made at the first call and the same ever after.
  ///
  /// The file appears whole or not at all: after a power cut the next start makes another one, before anybody has seen the first.
  public func machineID() throws(SystemError) -> String {
    let path = folder + "/machine-id"
    if let id = FileTree.line(path), id.utf8.count == 32 { return id }
    var bytes = try KernelRandom.bytes(16)
    // Marked as a random UUID, as machine-id(5) asks for.
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let id = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    try FileTree.replace(path, with: Array("\(id)\n".utf8), mode: 0o444)
    return id
  }

  /// Gives the kernel the seed that the last run left, where there is one, and replaces it. Does not wait for other randomness.
  ///
  /// The new seed is on the disk before the old one is credited: a seed that could be used at two starts would give both the same
  /// "randomness". A cut in between only loses the credit. The new seed is drawn from a pool that has the old one in it, which makes
  /// it as secret as that was, whatever else the kernel has gathered.
  public func creditRandomSeed() throws(SystemError) {
    guard let last = try? FileTree.read(seedPath, limit: Self.seedLength), !last.isEmpty else { return }
    try KernelRandom.mix(last)
    try seed(try KernelRandom.bytesWithoutWaiting(Self.seedLength))
    try KernelRandom.credit(last)
  }

  /// Whether the last run left a seed.
  public var hasRandomSeed: Bool { FileTree.exists(seedPath) }

  private var seedPath: String { folder + "/random-seed" }
  private static let seedLength = 256

  /// Leaves a seed for the next start.
  public func saveRandomSeed() throws(SystemError) {
    try seed(try KernelRandom.bytes(Self.seedLength))
  }

  private func seed(_ bytes: [UInt8]) throws(SystemError) {
    try ReservedFile(seedPath, capacity: Self.seedLength, mode: 0o600).replace(with: bytes)
  }

  /// Takes room on the data partition for all that is to be written while it is full: the time, and the record of failures. A seed takes its
  /// own when the first one is left.
  ///
  /// - Throws: `SystemError` where there is no room.
  public func reserve() throws(SystemError) {
    try clock.reserve()
    try FailureLog(in: folder).reserve()
  }

  private var clock: ReservedFile { ReservedFile(folder + "/clock", capacity: 64) }

  /// The latest time that the device is known to have seen, in seconds since 1970; 0 where there is none.
  public var savedTime: Int {
    FileTree.line(folder + "/clock").flatMap { Int($0) } ?? 0
  }

  /// The values that the device took over at its first start; `nil` where it has not had one.
  ///
  /// - Throws: where the file cannot be read or is no such file.
  public func firstBootValues() throws -> FirstBootValues? {
    let path = folder + "/" + FirstBootValues.fileName
    guard FileTree.exists(path) else { return nil }
    return try FirstBootValues(try FileTree.read(path, limit: FirstBootValues.sizeLimit + 1))
  }

  /// Keeps the values of the first start. There is one even where nothing was to be taken over.
  public func keep(_ values: FirstBootValues) throws(SystemError) {
    try FileTree.replace(folder + "/" + FirstBootValues.fileName, with: Array(values.text.utf8), mode: 0o600)
  }

  /// Keeps the time for a start without a clock of its own.
  public func saveTime(_ seconds: Int = Clock.seconds) throws(SystemError) {
    try clock.replace(with: Array("\(seconds)\n".utf8))
  }
}
