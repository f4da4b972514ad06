import Foundation
import Glibc

/// A disk after a power cut: it has all settled writes, and some, all or none of the writes that were not flushed.
public final class CutDisk {
  private let descriptor: Int32
  /// Size of the disk in bytes.
  public let size: UInt64
  /// Writes on top of the file, in order. A power cut may lose them.
  private var loose: [(place: UInt64, bytes: [UInt8])] = []
  /// Ranges of the settled writes, in order.
  private var settled: [Range<UInt64>] = []

  /// Opens a copy of the disk from before the log began. The copy is modified.
  public init(_ copy: URL) throws {
    descriptor = open(copy.path, O_RDWR)
    guard descriptor >= 0 else { throw CocoaError(.fileNoSuchFile) }
    var status = stat()
    fstat(descriptor, &status)
    size = UInt64(status.st_size)
  }

  deinit { close(descriptor) }

  /// Writes bytes that a power cut can no longer lose.
  public func settle(_ bytes: [UInt8], at place: UInt64) {
    settled.append(place..<place + UInt64(bytes.count))
    var done = 0
    while done < bytes.count {
      let step = bytes[done...].withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, $0.count, off_t(place) + off_t(done))
      }
      precondition(step > 0, "the copy of the disk can be written")
      done += step
    }
  }

  /// Number of settled writes.
  public var settledCount: Int { settled.count }

  /// Returns true if a part of the disk was written to after a number of settled writes.
  public func isTouched(_ range: Range<UInt64>, since count: Int) -> Bool {
    isTouchedByLoose(range) || settled[count...].contains { $0.overlaps(range) }
  }

  /// Returns true if writes that have not settled touch a part of the disk.
  public func isTouchedByLoose(_ range: Range<UInt64>) -> Bool {
    loose.contains { range.overlaps($0.place..<$0.place + UInt64($0.bytes.count)) }
  }

  /// Sets the writes on the disk in addition to the settled ones.
  public func set(loose writes: [(place: UInt64, bytes: [UInt8])]) { loose = writes }

  /// Reads the bytes that the next start would read.
  public func read(_ count: Int, at place: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    _ = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(place)) }
    for write in loose {
      let start = max(write.place, place)
      let end = min(write.place + UInt64(write.bytes.count), place + UInt64(count))
      guard start < end else { continue }
      let source = Int(start - write.place)..<Int(end - write.place)
      bytes.replaceSubrange(Int(start - place)..<Int(end - place), with: write.bytes[source])
    }
    return bytes
  }

  /// Writes the whole state to a file, for a real start. Holes of the base stay holes.
  public func save(to file: URL, base: URL) throws {
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/cp")
    copy.arguments = ["--sparse=always", base.path, file.path]
    try copy.run()
    copy.waitUntilExit()
    let handle = try FileHandle(forWritingTo: file)
    for write in loose {
      try handle.seek(toOffset: write.place)
      try handle.write(contentsOf: write.bytes)
    }
    try handle.close()
  }
}
