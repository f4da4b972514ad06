import Glibc
import LinuxSystem

/// A source of a bundle's bytes. They are read in ascending order, each at most once.
public protocol BundleSource: AnyObject {
  /// Reads exactly `count` bytes.
  ///
  /// - Parameters:
  ///   - end: The end of the bytes that are read without a gap, as far as the caller knows. A source may fetch up to it
  ///     in one request.
  ///   - part: The name of the part, for errors.
  /// - Throws: ``BundleFailure/truncated(part:)`` if the bundle ends too early, and errors of the source.
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

  public func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    let bytes = try descriptor.read(count, at: offset)
    guard bytes.count == count else { throw BundleFailure.truncated(part: part) }
    return bytes
  }
}

/// A bundle that is read sequentially, for example from a pipe. Skipped bytes are read and discarded.
public final class StreamSource: BundleSource {
  private let descriptor: Descriptor
  private let check: () throws -> Void
  private var place: UInt64 = 0

  /// Reads from an open descriptor in blocking mode.
  ///
  /// - Parameter check: A function that is called regularly while no data arrives. It throws to cancel the wait.
  public init(_ descriptor: Descriptor, whileWaiting check: @escaping () throws -> Void = {}) {
    self.descriptor = descriptor
    self.check = check
  }

  /// Reads from the stream, discarding the bytes before `offset`.
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
  /// Milliseconds between two calls of `check`.
  private static let interval = 200

  /// Waits until data arrives or the other end is closed.
  ///
  /// - Parameter check: A function that is called regularly. It throws to cancel the wait.
  /// - Throws: Errors of `check`.
  public func wait(whileWaiting check: () throws -> Void) throws {
    repeat { try check() } while !waitUntilReadable(timeout: Self.interval)
  }
}
