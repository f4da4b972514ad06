import PartitionTable

/// An environment as `env export -c` writes it (U-Boot, `include/env_internal.h`, `struct environment_s`): CRC-32 in the byte order of the
/// machine, then `name=value` with a zero after each and another one at the end.
enum UBootEnvironment {
  private static let checksumLength = 4

  /// The bytes of some variables; what is left of the length, where one is asked for, is zeros.
  static func bytes(_ variables: [(name: String, value: String)], length: Int? = nil) -> [UInt8] {
    // `himport_r` takes a backslash for a mark that the next character stands for itself.
    let text = variables.map { "\($0.name)=\($0.value.replacing("\\", with: "\\\\"))\0" }.joined() + "\0"
    let missing = (length ?? 0) - checksumLength - text.utf8.count
    precondition(length == nil || missing >= 0, "the variables fit into an environment")
    let data = Array(text.utf8) + [UInt8](repeating: 0, count: max(missing, 0))
    return littleEndian(CRC32.checksum(data)) + data
  }

  /// The variables; `nil` where the checksum is not theirs.
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
