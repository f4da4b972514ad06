import DeviceModel
import Glibc
import LinuxSystem

/// A log file that is rotated at a size: the last one is kept as `NAME.1`, the one before as `NAME.2`, and so on up to
/// a number of files.
struct RotatedFile {
  private let path: String
  private let limits: LogFiles
  private var file: Descriptor
  private var size: Int64

  /// Opens the file to append to it.
  init(folder: String, name: String, limits: LogFiles) throws(SystemError) {
    try FileTree.makeFolders(folder, mode: 0o750)
    path = folder + "/" + name
    self.limits = limits
    (file, size) = try Self.open(path)
  }

  /// Appends bytes. Begins a new file first if they would make this one too large.
  mutating func append(_ bytes: [UInt8]) throws(SystemError) {
    if size > 0, size + Int64(bytes.count) > limits.maximumBytes {
      try rotate()
    }
    try file.write(all: bytes)
    size += Int64(bytes.count)
  }

  /// Increments the number of each file, oldest first. A power cut in between leaves a gap in the numbers but loses no
  /// data.
  private mutating func rotate() throws(SystemError) {
    let kept = max(0, limits.keep)
    if kept == 0 {
      unlink(path)
    } else {
      for number in stride(from: kept - 1, through: 1, by: -1) { rename("\(path).\(number)", "\(path).\(number + 1)") }
      rename(path, "\(path).1")
    }
    (file, size) = try Self.open(path)
  }

  private static func open(_ path: String) throws(SystemError) -> (Descriptor, Int64) {
    let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o640)
    return (file, Int64(lseek(file.number, 0, SEEK_END)))
  }
}
