import Glibc
import LinuxSystem

/// Files in the root directories of the boot disk's FAT partitions.
struct BootPartitionFiles {
  private static let place = "/boot"

  /// Device nodes of the partitions. Where several have a file, the first one counts.
  let partitions: [String]

  /// Reads files.
  ///
  /// - Returns: The content of those that exist, by name.
  /// - Throws: `SystemError`.
  func read(_ names: [String], limit: Int) throws(SystemError) -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for partition in partitions {
      try Self.mounted(partition, isWritable: false) { () throws(SystemError) in
        for name in names where contents[name] == nil && FileTree.exists("\(Self.place)/\(name)") {
          contents[name] = try FileTree.read("\(Self.place)/\(name)", limit: limit + 1)
        }
      }
    }
    return contents
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
          var status = stat()
          guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
          let file = try Descriptor(opening: path, O_WRONLY | O_NOFOLLOW)
          try file.write(all: [UInt8](repeating: 0x0a, count: Int(status.st_size)), at: 0)
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
