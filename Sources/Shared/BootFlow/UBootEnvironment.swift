import PartitionTable

/// An environment as `env export -c` writes it (U-Boot, `include/env_internal.h`, `struct environment_s`): a CRC-32 in
/// the machine's byte order, then `name=value` strings, each with a zero byte at its end, then one more zero byte.
enum UBootEnvironment {
  private static let checksumLength = 4

  /// Makes an environment, padded with zeros to `length` if one is given.
  static func bytes(_ variables: [(name: String, value: String)], length: Int? = nil) -> [UInt8] {
    // `himport_r` treats a backslash as an escape character.
    let text = variables.map { "\($0.name)=\($0.value.replacing("\\", with: "\\\\"))\0" }.joined() + "\0"
    let missing = (length ?? 0) - checksumLength - text.utf8.count
    precondition(length == nil || missing >= 0, "the variables fit into an environment")
    let data = Array(text.utf8) + [UInt8](repeating: 0, count: max(missing, 0))
    return littleEndian(CRC32.checksum(data)) + data
  }

  /// Parses an environment; `nil` if the checksum is wrong.
  static func variables(_ bytes: [UInt8]) -> [String: String]? {
    let data = bytes.dropFirst(checksumLength)
    guard data.count > 1, Array(bytes.prefix(checksumLength)) == littleEndian(CRC32.checksum(data)) else { return nil }
    return data.split(separator: 0).reduce(into: [:]) { values, line in
      let parts = String(decoding: line, as: UTF8.self)
        .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 {
        values[String(parts[0])] = String(parts[1].replacing("\\\\", with: "\\"))
      }
    }
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
