import DeviceModel
import Provisioning
import FoundationEssentials
import Glibc
import HostSystem
import LinuxSystem
import PartitionTable

/// Writes values for the first boot to the boot partition of a flashed disk.
public enum FirstBootFile {
  /// Parses values from the command line: `KEY=VALUE`, or `KEY=@FILE` for the content of a file.
  ///
  /// A secret must be in a file, as all users of the machine can read a command line.
  ///
  /// - Throws: ``FlashFailure/value(_:)``, `FileFailure`.
  public static func values(_ settings: [String]) throws -> FirstBootValues {
    var values = FirstBootValues()
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let key = FirstBootValues.Key(rawValue: parts[0]) else {
        throw FlashFailure.value("\(FirstBootValues.Refusal.unknownKey(parts[0]))")
      }
      guard parts.count == 2 else {
        throw FlashFailure.value("write `\(key.rawValue)=VALUE` or `\(key.rawValue)=@FILE`")
      }
      guard parts[1].hasPrefix("@") || !key.isSecret else {
        throw FlashFailure.value("`\(key.rawValue)` is secret; write it to a file, and give `\(key.rawValue)=@FILE`")
      }
      do throws(FirstBootValues.Refusal) {
        for value in try lines(parts[1], of: key) { try values.add(value, for: key) }
      } catch {
        throw FlashFailure.value("\(error)")
      }
    }
    return values
  }

  private static func lines(_ text: String, of key: FirstBootValues.Key) throws(FirstBootValues.Refusal) -> [String] {
    guard text.hasPrefix("@") else {
      if text.contains("PRIVATE KEY-----") { throw .privateKey(key) }
      return [text]
    }
    guard let content = try? FolderTree.readFile(String(text.dropFirst())),
      let text = String(validating: content, as: UTF8.self)
    else { throw .noText }
    guard !text.contains("PRIVATE KEY-----") else { throw .privateKey(key) }
    let lines = text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.hasPrefix("#") }
    guard !lines.isEmpty else { throw .value(key) }
    return lines
  }

  /// Writes the file with the values.
  ///
  /// - Parameters:
  ///   - disk: Path of the device node, or of a regular file that is used as a disk.
  ///   - tool: Closure that returns the command for one of mtools, given its name, arguments and purpose.
  /// - Throws: ``FlashFailure/noBootPartition(_:)``, `CommandFailure` (mtools does the writing), `FileFailure`.
  public static func write(_ values: FirstBootValues, to disk: String, tool: (String, [String], String) -> HostCommand)
    async throws
  {
    let offset = try bootPartition(of: disk)
    // Only the user may read the file, as it may contain a password.
    var template = Array("\(FileManager.default.temporaryDirectory.path)/cultivar-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let scratch = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard descriptor >= 0 else { throw FileFailure.last("write", scratch) }
    defer { unlink(scratch) }
    try OpenFile(owning: descriptor, path: scratch).write(Array(values.text.utf8))
    try await tool(
      "mcopy", ["-i", "\(disk)@@\(offset)", "-o", scratch, "::/\(FirstBootValues.fileName)"],
      "write \(FirstBootValues.fileName) to the boot partition"
    ).run()
    sync()
  }

  /// Returns the offset of the boot partition in bytes.
  private static func bootPartition(of disk: String) throws -> Int64 {
    guard let device = try? BlockDevice(disk),
      let reading = try? DiskTableReading(diskSizeInSectors: device.sectorCount, read: device.read),
      let table = try? reading.table(), let boot = table.firstBootPartition
    else {
      throw FlashFailure.noBootPartition(disk)
    }
    return Int64(boot.firstLBA) * Int64(GPT.sectorSize)
  }
}
