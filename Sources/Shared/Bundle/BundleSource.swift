import Glibc
import LinuxSystem

/// Where a bundle's bytes come from. They are asked for in rising order, and each only once.
public protocol BundleSource: AnyObject {
  /// Gives exactly so many bytes.
  ///
  /// - Parameter end: How far it will go on without a gap, as far as is known: a source may fetch that much at once.
  /// - Throws: ``BundleFailure/truncated(part:)`` where the bundle ends before, and what the source has of its own.
  func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8]
}

/// A bundle in a file.
public final class FileSource: BundleSource {
  private let descriptor: Descriptor

  /// Opens a file.
  ///
  /// - Throws: `SystemError`.
  public init(_ path: String) throws(SystemError) { descriptor = try Descriptor(opening: path, O_RDONLY) }

  /// Reads from an open file.
  public init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  /// Reads from the file.
  public func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    let bytes = try descriptor.read(count, at: offset)
    guard bytes.count == count else { throw BundleFailure.truncated(part: part) }
    return bytes
  }
}

/// A bundle that comes from front to back, as by a pipe; what nobody asks for is read and dropped.
public final class StreamSource: BundleSource {
  private let descriptor: Descriptor
  private let check: () throws -> Void
  private var place: UInt64 = 0

  /// Reads from an open descriptor that blocks.
  ///
  /// - Parameter check: Is called now and then while nothing comes; throws where it is not waited for any more.
  public init(_ descriptor: Descriptor, whileWaiting check: @escaping () throws -> Void = {}) {
    self.descriptor = descriptor
    self.check = check
  }

  /// Reads from the stream, and drops what lies before.
  public func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    precondition(offset >= place, "a stream is read in rising order")
    while place < offset { try take(Int(min(offset - place, 1 << 16)), part) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += try take(min(count - bytes.count, 1 << 16), part) }
    return bytes
  }

  @discardableResult private func take(_ limit: Int, _ part: String) throws -> [UInt8] {
    try descriptor.wait(whileWaiting: check)
    guard let bytes = try descriptor.read(atMost: limit), !bytes.isEmpty else {
      throw BundleFailure.truncated(part: part)
    }
    place += UInt64(bytes.count)
    return bytes
  }
}

extension Descriptor {
  /// Milliseconds between two looks at whether something is still waited for.
  private static let interval = 200

  /// Waits until there is something to read, or the other end is closed.
  ///
  /// - Parameter check: Is called now and then; throws where it is not waited for any more.
  /// - Throws: What `check` throws.
  public func wait(whileWaiting check: () throws -> Void) throws {
    repeat { try check() } while !waitUntilReadable(timeout: Self.interval)
  }
}
