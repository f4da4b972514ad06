import DeviceModel
import Provisioning
import Glibc
import Hexadecimal
import LinuxSystem

/// The device's own records on the data partition, which persist across reboots: its ID, a random seed and the time.
///
/// Seed and time are replaced again and again, even while the partition is full: they have reserved room (``ReservedFile``).
public struct DeviceRecords {
  private let folder: String

  /// Opens the records in a folder, usually ``DevicePaths/records``.
  ///
  /// - Throws: ``SystemError`` if the folder cannot be made.
  public init(in folder: String) throws(SystemError) {
    self.folder = folder
    try FileTree.makeFolders(folder)
  }

  /// Returns the ID of this device: 32 hexadecimal digits (`machine-id(5)`). The first call makes it; it never changes
  /// afterwards.
  ///
  /// The file is complete or absent. After a power cut the next start makes another ID; nobody has seen the first one
  /// then.
  public func machineID() throws(SystemError) -> String {
    let path = folder + "/machine-id"
    if let id = FileTree.line(path), id.utf8.count == 32 { return id }
    var bytes = try KernelRandom.bytes(16)
    // Marked as a random UUID, as machine-id(5) requires.
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let id = bytes.hexadecimal
    try FileTree.replace(path, with: Array("\(id)\n".utf8), mode: 0o444)
    return id
  }

  /// Credits the kernel with the seed of the last run, if there is one, and replaces it. Does not wait for other
  /// randomness.
  ///
  /// The new seed is on the disk before the old one is credited: a seed used at two starts would give both the same
  /// "randomness". A power cut in between only loses the credit. The new seed is drawn from a pool that includes the
  /// old one, so it is as secret as the old one even if the kernel has no other randomness yet.
  public func creditRandomSeed() throws(SystemError) {
    guard let last = try? FileTree.read(seedPath, limit: Self.seedLength), !last.isEmpty else { return }
    try KernelRandom.mix(last)
    try seed(try KernelRandom.bytesWithoutWaiting(Self.seedLength))
    try KernelRandom.credit(last)
  }

  /// True if the last run left a seed.
  public var hasRandomSeed: Bool { FileTree.exists(seedPath) }

  private var seedPath: String { folder + "/random-seed" }
  private static let seedLength = 256

  /// Saves a seed for the next start.
  public func saveRandomSeed() throws(SystemError) {
    try seed(try KernelRandom.bytes(Self.seedLength))
  }

  private func seed(_ bytes: [UInt8]) throws(SystemError) {
    try ReservedFile(seedPath, capacity: Self.seedLength, mode: 0o600).replace(with: bytes)
  }

  /// Reserves room on the data partition for the records that are written even if it is full: the time and the failures.
  /// The seed reserves its room when the first one is saved.
  ///
  /// - Throws: `SystemError` if there is no room.
  public func reserve() throws(SystemError) {
    try clock.reserve()
    try FailureLog(in: folder).reserve()
  }

  private var clock: ReservedFile { ReservedFile(folder + "/clock", capacity: 64) }

  /// The latest time that the device has recorded, in seconds since 1970, or 0 if there is none.
  public var savedTime: Int {
    FileTree.line(folder + "/clock").flatMap { Int($0) } ?? 0
  }

  /// Returns the values that the device took over at its first start, or `nil` before its first start.
  ///
  /// - Throws: An error if the file cannot be read or parsed.
  public func firstBootValues() throws -> FirstBootValues? {
    let path = folder + "/" + FirstBootValues.fileName
    guard FileTree.exists(path) else { return nil }
    return try FirstBootValues(try FileTree.read(path, limit: FirstBootValues.sizeLimit + 1))
  }

  /// Saves the values of the first start. The file is written even if there are no values, to mark that the first start
  /// is over.
  ///
  /// - Parameter files: Names of files on the boot partition that have to be removed when the values are saved.
  public func keep(_ values: FirstBootValues, thenRemoving files: [String] = []) throws(SystemError) {
    if !files.isEmpty {
      try FileTree.replace(removalPath, with: Array(files.map { $0 + "\n" }.joined().utf8), mode: 0o600)
    }
    try FileTree.replace(folder + "/" + FirstBootValues.fileName, with: Array(values.text.utf8), mode: 0o600)
  }

  private var removalPath: String { folder + "/first-boot-files" }

  /// Names of files on the boot partition that have not been removed yet. Names that are no plain file names are dropped.
  public var filesToRemove: [String] {
    (FileTree.line(removalPath) ?? "").split(separator: "\n").map(String.init).filter {
      Provisioning.fileNames.contains($0)
    }
  }

  /// Notes that the files have been removed.
  public func noteRemoval() { unlink(removalPath) }

  /// Saves the time for the next start, for devices without a clock that keeps running.
  public func saveTime(_ seconds: Int = Clock.seconds) throws(SystemError) {
    try clock.replace(with: Array("\(seconds)\n".utf8))
  }
}
