import LinuxSystem

/// The patterns for hardware in `modules.alias`: lines of `alias PATTERN MODULE`.
///
/// The file of a whole kernel has tens of thousands of lines, of which a machine needs a few dozen. So the text stays
/// as it is, and only lines that may match become strings.
struct ModuleAliases {
  private static let keyword = Array("alias ".utf8)
  private static let wildcards = Array("*?[".utf8)

  private let text: [UInt8]
  /// Start offsets of the patterns in the text, by bus (the part up to the first colon). A lookup compares only with
  /// the patterns of its bus and with those under the empty name, which have a wildcard in that part
  /// (`acpi*:LNXPWRBN:*`).
  private var patterns: [ArraySlice<UInt8>: [Int]] = [:]

  init(_ text: [UInt8]) {
    self.text = text
    // Lines for the same bus are adjacent, so the dictionary is accessed only when the bus changes.
    var bus: ArraySlice<UInt8> = []
    var starts: [Int] = []
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: Self.keyword) {
      let pattern = line.dropFirst(Self.keyword.count)
      if !(pattern.starts(with: bus) && pattern.dropFirst(bus.count).first == UInt8(ascii: ":")) {
        patterns[bus, default: []] += starts
        starts = []
        bus = Self.bus(of: pattern)
      }
      starts.append(pattern.startIndex)
    }
    patterns[bus, default: []] += starts
  }

  /// Modules whose pattern matches, without duplicates. Those for the alias's own bus come first; each group is in the
  /// order of the file.
  func modules(for alias: String) -> [String] {
    let bytes = Array(alias.utf8)
    var found: [String] = []
    let candidates = (patterns[Self.bus(of: bytes[...])] ?? []) + (patterns[[]] ?? [])
    for start in candidates where couldMatch(start, bytes) {
      let line = text[start...].prefix { $0 != UInt8(ascii: "\n") }
      let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      guard words.count == 2, !found.contains(words[1]) else { continue }
      if KernelModule.pattern(words[0], matches: alias) { found.append(words[1]) }
    }
    return found
  }

  /// Checks cheaply, before the pattern is matched, that the alias begins with the pattern's letters up to the first
  /// wildcard.
  private func couldMatch(_ start: Int, _ alias: [UInt8]) -> Bool {
    for (expected, found) in zip(text[start...], alias) where expected != found {
      return Self.wildcards.contains(expected)
    }
    return true
  }

  private static func bus(of alias: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let bus = alias.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: " ") }
    return bus.contains(where: wildcards.contains) ? [] : bus
  }
}
