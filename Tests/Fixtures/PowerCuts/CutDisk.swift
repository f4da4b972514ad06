import Foundation
import Glibc

/// A disk as a power cut leaves it: what was surely written, and of what was not yet flushed some, all or nothing.
public final class CutDisk {
  private let descriptor: Int32
  /// Bytes of the disk.
  public let size: UInt64
  /// Writes upon the file, in order; they are what a cut may lose.
  private var loose: [(place: UInt64, bytes: [UInt8])] = []
  /// Where settled writes went, in order.
  private var settled: [Range<UInt64>] = []

  /// Opens a copy of the disk as it was when the log began; the copy is written to.
  public init(_ copy: URL) throws {
    descriptor = open(copy.path, O_RDWR)
    guard descriptor >= 0 else { throw CocoaError(.fileNoSuchFile) }
    var status = stat()
    fstat(descriptor, &status)
    size = UInt64(status.st_size)
  }

  deinit { close(descriptor) }

  /// Writes what no cut loses any more.
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

  /// How many writes have settled.
  public var settledCount: Int { settled.count }

  /// Whether a part of the disk was written to after so many settled writes.
  public func isTouched(_ range: Range<UInt64>, since count: Int) -> Bool {
    isTouchedByLoose(range) || settled[count...].contains { $0.overlaps(range) }
  }

  /// Whether writes that have not settled touch a part of the disk.
  public func isTouchedByLoose(_ range: Range<UInt64>) -> Bool {
    loose.contains { range.overlaps($0.place..<$0.place + UInt64($0.bytes.count)) }
  }

  /// Sets what is on the disk besides what has settled.
  public func set(loose writes: [(place: UInt64, bytes: [UInt8])]) { loose = writes }

  /// Reads as the next start would.
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

  /// Writes the whole state to a file, for a real start; holes stay holes where the base has some.
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
