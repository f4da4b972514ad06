import Bundle
import DeviceModel
import Glibc
import LinuxSystem

/// A bundle whose ranges are fetched by the other end of a socket.
final class RangeSource: BundleSource {
  /// The reason why the other end could not fetch a range.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let connection: Descriptor
  private let check: () throws -> Void

  /// - Parameter check: Called regularly while no data arrives. Throws to stop waiting.
  init(_ connection: Descriptor, whileWaiting check: @escaping () throws -> Void) {
    self.connection = connection
    self.check = check
  }

  func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    guard let wanted = UInt32(exactly: count), wanted <= RangeRequest.mostBytes else {
      throw Failure(description: "the \(part) is too long for one request")
    }
    try connection.write(all: RangeRequest(offset: offset, end: end, count: wanted).bytes)
    let head = try connection.readAll(5, part, whileWaiting: check)
    let length = head[1...].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    guard length <= RangeRequest.mostBytes else { throw BundleFailure.truncated(part: part) }
    let bytes = try connection.readAll(Int(length), part, whileWaiting: check)
    guard head[0] == 0 else { throw Failure(description: String(decoding: bytes, as: UTF8.self)) }
    guard bytes.count == count else { throw BundleFailure.truncated(part: part) }
    return bytes
  }
}

/// The other end of a ``RangeSource``: fetches the requested ranges.
public enum RangeService {
  /// Begins to answer requests on a separate thread, until the other end is closed.
  ///
  /// - Parameter source: Opens the bundle.
  /// - Returns: The other end.
  public static func start(_ source: @escaping @Sendable () -> any BundleSource) throws(SystemError) -> Descriptor {
    let (own, other) = try UnixSocket.pair()
    _ = Background { serve(source(), over: own) }
    return other
  }

  /// Answers requests until the other end is closed.
  ///
  /// - Parameter source: The bundle.
  public static func serve(_ source: any BundleSource, over connection: Descriptor) {
    while let bytes = try? connection.readAll(RangeRequest.length, "request"), let request = RangeRequest(bytes) {
      var answer: [UInt8]
      do {
        guard request.count <= RangeRequest.mostBytes else { return }
        answer = [0] + (try source.read(Int(request.count), at: request.offset, upTo: request.end, part: "bundle"))
      } catch {
        answer = [1] + Array("\(error)".utf8.prefix(4096))
      }
      let length = withUnsafeBytes(of: UInt32(answer.count - 1).littleEndian, Array.init)
      answer.insert(contentsOf: length, at: 1)
      guard (try? UnixSocket.send(answer, over: connection)) != nil else { return }
    }
  }
}

extension Descriptor {
  /// Reads an exact number of bytes from a blocking descriptor.
  ///
  /// - Throws: `BundleFailure.truncated(part:)` if it ends before.
  fileprivate func readAll(
    _ count: Int, _ part: String, whileWaiting check: () throws -> Void = {}
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      try wait(whileWaiting: check)
      guard let more = try read(atMost: min(count - bytes.count, 1 << 16)), !more.isEmpty else {
        throw BundleFailure.truncated(part: part)
      }
      bytes += more
    }
    return bytes
  }
}
