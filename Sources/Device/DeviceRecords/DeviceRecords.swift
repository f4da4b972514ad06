import DeviceModel
import Glibc
import LinuxSystem

/// The device's own records on the data partition, which persist across reboots: its ID, a random seed and the time.
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
    let id = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
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
    guard let seed = try? FileTree.read(seedPath, limit: 256), !seed.isEmpty else { return }
    try KernelRandom.mix(seed)
    try FileTree.replace(seedPath, with: try KernelRandom.bytesWithoutWaiting(256), mode: 0o600)
    try KernelRandom.credit(seed)
  }

  /// True if the last run left a seed.
  public var hasRandomSeed: Bool { FileTree.exists(seedPath) }

  private var seedPath: String { folder + "/random-seed" }

  /// Saves a seed for the next start.
  public func saveRandomSeed() throws(SystemError) {
    try FileTree.replace(seedPath, with: try KernelRandom.bytes(256), mode: 0o600)
  }

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
  public func keep(_ values: FirstBootValues) throws(SystemError) {
    try FileTree.replace(folder + "/" + FirstBootValues.fileName, with: Array(values.text.utf8), mode: 0o600)
  }

  /// Saves the time for the next start, for devices without a clock that keeps running.
  public func saveTime(_ seconds: Int = Clock.seconds) throws(SystemError) {
    try FileTree.replace(folder + "/clock", with: Array("\(seconds)\n".utf8))
  }
}
