/// GRUB's environment block (GRUB manual, "Environment block"): 1024 bytes of `name=value` lines, padded with `#`.
enum GrubEnvironment {
  static let length = 1024
  private static let signature = "# GRUB Environment Block\n"

  /// Makes a block. Names and values must not contain line feeds or backslashes.
  static func block(_ variables: [(name: String, value: String)]) -> [UInt8] {
    let text = signature + variables.map { "\($0.name)=\($0.value)\n" }.joined()
    let bytes = Array(text.utf8)
    precondition(bytes.count <= length, "the variables fit into an environment block")
    return bytes + [UInt8](repeating: UInt8(ascii: "#"), count: length - bytes.count)
  }

  /// Parses a block; `nil` without GRUB's signature.
  static func variables(_ block: [UInt8]) -> [String: String]? {
    let text = String(decoding: block, as: UTF8.self)
    guard text.hasPrefix(signature) else { return nil }
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.reduce(into: [:]) { values, line in
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
    }
  }
}
