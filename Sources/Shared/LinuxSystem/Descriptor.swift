import CLinuxSystem
import Glibc

/// An open file descriptor, closed when the last reference is released.
public final class Descriptor: Sendable {
  /// The descriptor's number.
  public let number: Int32

  public init(owning number: Int32) {
    self.number = number
  }

  /// The process's standard streams. They stay open.
  public static let standardInput = Descriptor(owning: STDIN_FILENO)
  public static let standardOutput = Descriptor(owning: STDOUT_FILENO)
  public static let standardError = Descriptor(owning: STDERR_FILENO)

  deinit {
    close(number)
  }

  /// Duplicates the descriptor for an owner that closes it itself. The duplicate is closed on `execve`.
  public func duplicate() -> Int32 { fcntl(number, F_DUPFD_CLOEXEC, 0) }

  /// Opens a file. The descriptor is closed on `execve`.
  ///
  /// - Parameters:
  ///   - path: Path of the file.
  ///   - flags: Flags of `open(2)`.
  ///   - mode: Permissions of a new file.
  /// - Throws: ``SystemError``.
  public convenience init(opening path: String, _ flags: Int32, mode: mode_t = 0o644) throws(SystemError) {
    self.init(owning: try check("open", path) { open(path, flags | O_CLOEXEC, mode) })
  }

  /// Opens a file for reading without the page cache, if the file system supports that; otherwise as usual.
  ///
  /// Offsets, lengths and buffer addresses must then be multiples of 4096 bytes.
  ///
  /// - Throws: ``SystemError``.
  public convenience init(openingUncached path: String) throws(SystemError) {
    let direct = cultivar_open_direct(path)
    if direct >= 0 {
      self.init(owning: direct)
    } else {
      try self.init(opening: path, O_RDONLY)
    }
  }

  /// Reads at most `limit` bytes; `nil` if there are none yet, empty at the end.
  public func read(atMost limit: Int) throws(SystemError) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = buffer.withUnsafeMutableBytes { bytes in
      var count = Glibc.read(number, bytes.baseAddress, bytes.count)
      while count < 0, errno == EINTR { count = Glibc.read(number, bytes.baseAddress, bytes.count) }
      return count
    }
    if count < 0 {
      if errno == EAGAIN { return nil }
      throw SystemError("read from", "descriptor \(number)")
    }
    buffer.removeLast(limit - count)
    return buffer
  }

  /// Reads `count` bytes at `offset`; fewer at the end of the file.
  public func read(_ count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let done = try bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(SystemError) in try read(into: buffer, at: offset) }
    }.get()
    bytes.removeLast(count - done)
    return bytes
  }

  /// Fills memory with the bytes from `offset` on, as far as the file has them.
  ///
  /// - Returns: Number of bytes read.
  public func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) -> Int {
    var done = 0
    while done < memory.count {
      let step = pread(number, memory.baseAddress?.advanced(by: done), memory.count - done, off_t(offset) + off_t(done))
      if step < 0, errno == EINTR { continue }
      if step < 0 { throw SystemError("read from", "descriptor \(number)") }
      if step == 0 { break }
      done += step
    }
    return done
  }

  /// Writes as many bytes as possible without waiting, and returns their number.
  public func write(some bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
    let count = bytes.withUnsafeBytes { buffer in
      var count = Glibc.write(number, buffer.baseAddress, buffer.count)
      while count < 0, errno == EINTR { count = Glibc.write(number, buffer.baseAddress, buffer.count) }
      return count
    }
    if count >= 0 { return count }
    if errno == EAGAIN { return 0 }
    throw SystemError("write to", "descriptor \(number)")
  }

  /// Writes all bytes to a descriptor in blocking mode.
  public func write(all bytes: [UInt8]) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      rest = rest.dropFirst(try write(some: rest))
    }
  }

  public func write(all bytes: [UInt8], at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let step = bytes.withUnsafeBytes {
        pwrite(number, $0.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
      }
      if step < 0, errno == EINTR { continue }
      if step < 0 { throw SystemError("write to", "descriptor \(number)") }
      done += step
    }
  }

  /// Waits until the file's written bytes are on the disk.
  public func synchronise() throws(SystemError) {
    try check("synchronise", "descriptor \(number)") { fsync(number) }
  }

  /// Waits until all written bytes of the whole file system are on the disk.
  public func synchroniseFileSystem() throws(SystemError) {
    try check("synchronise the file system of", "descriptor \(number)") { cultivar_sync_file_system(number) }
  }

  /// Switches to non-blocking mode.
  public func setNonBlocking() throws(SystemError) {
    try check("set flags of", "descriptor \(number)") { fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) }
  }

  /// Waits until the descriptor is readable.
  ///
  /// - Parameter timeout: Timeout in milliseconds; `nil` for none.
  /// - Returns: False after the timeout.
  public func waitUntilReadable(timeout: Int?) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, timeout.map { Int32(clamping: $0) } ?? -1) > 0
  }
}

public struct Pipe {
  public let reading: Descriptor
  public let writing: Descriptor

  /// Makes a pipe. Both ends are closed on `execve`.
  ///
  /// - Parameter isBlocking: True if reading waits for bytes.
  public init(isBlocking: Bool = false) throws(SystemError) {
    var ends: [Int32] = [-1, -1]
    try check("make", "a pipe") { cultivar_pipe(&ends) }
    reading = Descriptor(owning: ends[0])
    writing = Descriptor(owning: ends[1])
    if !isBlocking { try reading.setNonBlocking() }
  }
}
