import Glibc
import HostSystem

/// A file with buffered, sequential writing.
struct OutputFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  /// Number of bytes written so far, including those in the buffer.
  private(set) var length: Int64 = 0

  /// Creates or empties the file.
  ///
  /// - Throws: `FileFailure`.
  init(_ path: String) throws(FileFailure) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last("write", path) }
    buffer.reserveCapacity(1 << 20)
  }

  deinit { close(descriptor) }

  mutating func write(_ bytes: some Collection<UInt8>) throws(FileFailure) {
    buffer.append(contentsOf: bytes)
    length += Int64(bytes.count)
    if buffer.count >= 1 << 20 { try flush() }
  }

  /// Adds zero bytes up to a multiple of `alignment`.
  mutating func pad(to alignment: Int64) throws(FileFailure) {
    let rest = length % alignment
    if rest != 0 { try write([UInt8](repeating: 0, count: Int(alignment - rest))) }
  }

  /// Adds the content of a file. The length of a file of the build host must be the one in the tree.
  mutating func write(_ content: FileTree.Content) throws(FileFailure) {
    switch content {
    case .bytes(let bytes): try write(bytes)
    case .host(let file, let size):
      try flush()
      try copy(file, size: size)
      length += size
    }
  }

  /// Writes the bytes in the buffer to the file.
  mutating func flush() throws(FileFailure) {
    var offset = 0
    while offset < buffer.count {
      let count = buffer.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("write", path)
      }
      offset += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func copy(_ file: String, size: Int64) throws(FileFailure) {
    let source = open(file, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw .last("read", file) }
    defer { close(source) }
    var rest = Int(size)
    while rest > 0 {
      // The kernel copies the content without passing it through this process.
      let sent = sendfile(descriptor, source, nil, rest)
      if sent == 0 { throw FileFailure("read", file, reason: "it became shorter during the build") }
      if sent < 0 {
        if errno == EINTR { continue }
        throw .last("copy \(file) to", path)
      }
      rest -= sent
    }
  }
}
