import DeviceModel
import DiskImage
import Glibc
import Hashing
import HostSystem
import LinuxSystem

/// Writes an image to a disk according to its block map, and verifies it.
public struct FlashWriter {
  /// The phases of writing an image.
  public enum Phase: String, Sendable {
    /// The image is being written.
    case writing
    /// The data is read back and compared with the checksums.
    case verifying
  }

  private let image: String
  private let map: BlockMap
  private let target: String

  private static let pieceSize = 4 << 20
  private static let oneMebibyte: Int64 = 1 << 20

  /// Prepares to write an image.
  ///
  /// - Parameters:
  ///   - image: Path of the raw image.
  ///   - map: Block map of the image.
  ///   - target: Path of the disk's device node, or of a regular file that is used as a disk.
  public init(image: String, map: BlockMap, target: String) {
    self.image = image
    self.map = map
    self.target = target
  }

  /// Writes and verifies the image.
  ///
  /// The partition table is written last. If the user stops the program or removes the disk before that, the disk has
  /// no partition table, so nothing takes an incomplete image for a complete one. The old partition tables are removed
  /// first, including the backup at the end of the disk. Otherwise a kernel could use it.
  ///
  /// - Parameter progress: Closure that gets the phase, the number of completed bytes and the total number of bytes.
  /// - Throws: ``FlashFailure``, `FileFailure`, `CancellationError`.
  public func run(progress: (Phase, Int64, Int64) -> Void) throws {
    let source = open(image, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw FileFailure.last("read", image) }
    defer { close(source) }
    guard lseek(source, 0, SEEK_END) == off_t(map.imageSize) else { throw FlashFailure.imageChanged(image) }
    // With O_EXCL, the kernel refuses a disk that is in use, even in another container, where the list of mounts does
    // not show it.
    let disk = open(target, O_RDWR | O_CLOEXEC | O_EXCL)
    guard disk >= 0 else {
      if errno == EBUSY { throw FlashFailure.inUse(target, uses: ["the kernel refuses exclusive access"]) }
      throw FileFailure.last("write", target)
    }
    defer { close(disk) }
    let size = lseek(disk, 0, SEEK_END)
    guard size >= off_t(map.imageSize) else {
      throw FlashFailure.tooSmall(
        target, size: ByteSize(bytes: Int64(max(0, size))), image: ByteSize(bytes: map.imageSize))
    }

    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
    defer { buffer.deallocate() }
    try removeOldTables(disk, size: Int64(size), buffer)
    let total = map.mappings.reduce(Int64(0)) { $0 + Int64(map.bytes(of: $1).count) }
    var done: Int64 = 0
    for mapping in map.mappings.dropFirst() + map.mappings.prefix(1) {
      try forEachPiece(of: mapping, from: (source, image), buffer, otherwise: .imageChanged(image)) { piece, offset in
        try write(UnsafeRawBufferPointer(piece), to: disk, at: offset)
        done += Int64(piece.count)
        progress(.writing, done, total)
      }
    }
    guard fsync(disk) == 0 else { throw FileFailure.last("write", target) }
    try verify(total: total, buffer, progress: progress)
    // Errors are ignored: a kernel that keeps the old table reads the new one when the disk is connected again.
    try? BlockDevice(target).rereadPartitions()
  }

  private func removeOldTables(_ disk: Int32, size: Int64, _ buffer: UnsafeMutableRawBufferPointer) throws {
    let zeros = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<Int(Self.oneMebibyte)])
    zeros.initializeMemory(as: UInt8.self, repeating: 0)
    let first = Int(min(Self.oneMebibyte, size))
    try write(UnsafeRawBufferPointer(rebasing: zeros[0..<first]), to: disk, at: 0)
    let behind = min(Self.oneMebibyte, size - map.imageSize)
    if behind > 0 { try write(UnsafeRawBufferPointer(rebasing: zeros[0..<Int(behind)]), to: disk, at: size - behind) }
    guard fsync(disk) == 0 else { throw FileFailure.last("write", target) }
  }

  private func verify(
    total: Int64, _ buffer: UnsafeMutableRawBufferPointer, progress: (Phase, Int64, Int64) -> Void
  ) throws {
    // Bypasses the page cache, to read from the disk itself. If that is not possible (a file in memory), reads the
    // cached data.
    guard let disk = try? Descriptor(openingUncached: target) else { throw FileFailure.last("read", target) }
    var done: Int64 = 0
    for mapping in map.mappings {
      let failure = FlashFailure.damaged(target, offset: map.bytes(of: mapping).lowerBound)
      try forEachPiece(of: mapping, from: (disk.number, target), buffer, otherwise: failure) { piece, _ in
        done += Int64(piece.count)
        progress(.verifying, done, total)
      }
    }
  }

  /// Reads a range piece by piece. Throws the failure if its checksum does not match the map.
  private func forEachPiece(
    of mapping: BlockMap.Mapping, from source: (descriptor: Int32, path: String),
    _ buffer: UnsafeMutableRawBufferPointer, otherwise failure: FlashFailure,
    _ body: (UnsafeMutableRawBufferPointer, Int64) throws -> Void
  ) throws {
    var hasher = DigestStream()
    let bytes = map.bytes(of: mapping)
    var position = bytes.lowerBound
    while position < bytes.upperBound {
      try Task.checkCancellation()
      let wanted = min(buffer.count, Int(bytes.upperBound - position))
      let count = pread(source.descriptor, buffer.baseAddress, wanted, off_t(position))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileFailure.last("read", source.path) }
      guard count > 0 else { throw FileFailure("read", source.path, reason: "it is too short") }
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<count])
      hasher.add(UnsafeRawBufferPointer(piece))
      try body(piece, position)
      position += Int64(count)
    }
    guard hasher.digest == mapping.checksum else { throw failure }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to disk: Int32, at offset: Int64) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(disk, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileFailure.last("write", target) }
      done += count
    }
  }
}
