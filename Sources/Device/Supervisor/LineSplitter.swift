/// Splits a stream of bytes into lines of bounded length.
struct LineSplitter {
  /// Number of bytes at which a line is cut even without a newline.
  static let lineLimit = 4096

  private var pending: [UInt8] = []

  /// Adds bytes and calls `body` with each complete line, without its newline.
  mutating func add(_ bytes: [UInt8], _ body: ([UInt8]) -> Void) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      let room = Self.lineLimit - pending.count
      if end - rest.startIndex > room {
        body(pending + rest.prefix(room))
        pending = []
        rest = rest.dropFirst(room)
        continue
      }
      pending += rest[..<end]
      if end == rest.endIndex { return }
      body(pending.last == UInt8(ascii: "\r") ? pending.dropLast() : pending)
      pending = []
      rest = rest[(end + 1)...]
    }
  }

  /// Calls `body` with the bytes after the last newline, if there are any.
  mutating func finish(_ body: ([UInt8]) -> Void) {
    if !pending.isEmpty { body(pending) }
    pending = []
  }
}
