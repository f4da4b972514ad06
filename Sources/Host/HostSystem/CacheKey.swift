import Glibc
import Hashing

extension Digest {
  /// Computes the digest of a file's content.
  ///
  /// - Throws: ``FileFailure`` if the file cannot be read.
  public init(ofFile path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    var stream = DigestStream()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("read", path)
      }
      if count == 0 { break }
      stream.add(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
    }
    self = stream.digest
  }
}

/// Builds the key of a cached result from everything that the result depends on.
///
/// Fields are length-prefixed, so that no two lists of fields give the same bytes.
public struct CacheKey: Sendable {
  private var stream = DigestStream()

  /// - Parameter step: Name of the step and version of its code: `erofs-image 2`. A change in the step's results for
  ///   the same inputs needs a new version.
  public init(_ step: String) {
    add(step)
  }

  public mutating func add(_ field: String) {
    var field = field
    let length = field.utf8.count
    withUnsafeBytes(of: UInt64(length).littleEndian) { stream.add($0) }
    field.withUTF8 { stream.add(UnsafeRawBufferPointer($0)) }
  }

  public mutating func add(_ fields: [String]) {
    add("list \(fields.count)")
    for field in fields { add(field) }
  }

  public mutating func add(_ digest: Digest) { add(digest.text) }

  public var hash: Digest { stream.digest }
}
