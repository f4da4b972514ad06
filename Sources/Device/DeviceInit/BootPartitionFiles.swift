import Glibc
import LinuxSystem

/// Files in the root directories of the boot disk's FAT partitions.
struct BootPartitionFiles {
  private static let place = "/boot"

  /// Device nodes of the partitions. Where several have a file, the first one counts.
  let partitions: [String]

  /// Maximum number of bytes of a file that are overwritten. No file with values is larger.
  private static let overwriteLimit: Int64 = 16 << 20

  /// Reads files. A file or partition that cannot be read leaves the others readable.
  ///
  /// - Returns: The content of the files that exist, by name, and a description of each error.
  func read(_ names: [String], limit: Int) -> (contents: [String: [UInt8]], problems: [String]) {
    var contents: [String: [UInt8]] = [:]
    var problems: [String] = []
    for partition in partitions {
      do throws(SystemError) {
        try Self.mounted(partition, isWritable: false) {
          for name in names where contents[name] == nil && Self.size(of: name) != nil {
            do throws(SystemError) {
              contents[name] = try FileTree.read("\(Self.place)/\(name)", limit: limit + 1)
            } catch {
              problems.append("\(error)")
            }
          }
        }
      } catch {
        problems.append("\(error)")
      }
    }
    return (contents, problems)
  }

  /// Returns the size of a regular file in bytes; `nil` if there is none with this name.
  private static func size(of name: String) -> Int64? {
    var status = stat()
    guard lstat("\(place)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int64(status.st_size)
  }

  /// Removes files, after their content was overwritten.
  ///
  /// Without that, the content would stay in clusters that are free. A power cut leaves a file as it was, overwritten, or
  /// removed; a second call completes it. Flash storage may keep old blocks where only its own controller reaches them.
  ///
  /// - Throws: `SystemError`.
  func remove(_ names: [String]) throws(SystemError) {
    for partition in partitions {
      try Self.mounted(partition, isWritable: true) { () throws(SystemError) in
        for name in names {
          let path = "\(Self.place)/\(name)"
          guard let size = Self.size(of: name) else { continue }
          let file = try Descriptor(opening: path, O_WRONLY | O_NOFOLLOW)
          // In pieces: the size comes from the file system, and may be anything.
          let piece = [UInt8](repeating: 0x0a, count: 65_536)
          var done: Int64 = 0
          while done < min(size, Self.overwriteLimit) {
            let count = min(Int64(piece.count), size - done)
            try file.write(all: Array(piece.prefix(Int(count))), at: UInt64(done))
            done += count
          }
          try file.synchronise()
          guard unlink(path) == 0 else { throw SystemError("remove", path) }
        }
        try Descriptor(opening: Self.place, O_RDONLY | O_DIRECTORY).synchronise()
      }
    }
  }

  private static func mounted(
    _ partition: String, isWritable: Bool, _ work: () throws(SystemError) -> Void
  ) throws(SystemError) {
    try FileTree.makeFolders(place)
    var flags: Mount.Flags = [.noSetUserID, .noDevices, .noExecution]
    if !isWritable { flags.insert(.readOnly) }
    try Mount.mount("vfat", from: partition, at: place, flags)
    defer { try? Mount.unmount(place) }
    try work()
  }

  /// True if a partition has a FAT file system (the names in its first sector, and its signature).
  static func isFAT(_ partition: String) -> Bool {
    guard let device = try? BlockDevice(partition), let sector = try? device.read(0, 1), sector.count >= 512 else {
      return false
    }
    let bytes = Array(sector)
    let name = Array("FAT".utf8)
    return bytes[510] == 0x55 && bytes[511] == 0xaa
      && (Array(bytes[54..<57]) == name || Array(bytes[82..<85]) == name)
  }
}
