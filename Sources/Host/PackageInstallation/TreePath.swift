/// A path as the kernel has it: bytes without a particular encoding.
struct TreePath: Hashable, Sendable, Comparable {
  /// The bytes in the form of dpkg's lists: `/usr/bin/env`, and `/.` for the root.
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The path for messages.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The path of the parent folder; `nil` for the root.
  var parent: TreePath? {
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), bytes != Self.root.bytes else { return nil }
    return slash == 0 ? Self.root : TreePath(bytes[..<slash])
  }

  /// The last component.
  var name: [UInt8] { Array(bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]) }

  static let root = TreePath("/.")

  static func == (left: TreePath, right: TreePath) -> Bool { left.bytes == right.bytes }

  static func < (left: TreePath, right: TreePath) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

  // All bytes at once, as the hash of an array processes each element separately.
  func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension [UInt8] {
  /// The bytes as a C string.
  var cString: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}
