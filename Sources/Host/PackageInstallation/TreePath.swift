/// A path as the kernel has it: bytes, of no particular encoding.
struct TreePath: Hashable, Sendable, Comparable {
  /// Its bytes, as in dpkg's lists: `/usr/bin/env`, and `/.` for the root.
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The path for messages.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The path of the folder above it; `nil` for the root.
  var parent: TreePath? {
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), bytes != Self.root.bytes else { return nil }
    return slash == 0 ? Self.root : TreePath(bytes[..<slash])
  }

  /// Its last part.
  var name: [UInt8] { Array(bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]) }

  /// The root.
  static let root = TreePath("/.")

  static func == (left: TreePath, right: TreePath) -> Bool { left.bytes == right.bytes }

  static func < (left: TreePath, right: TreePath) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

  // At once: an array hashes its elements one by one.
  func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension [UInt8] {
  /// The bytes as C expects a text.
  var cString: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}
