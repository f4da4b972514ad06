import LinuxSystem

/// The patterns for hardware in `modules.alias`: lines of `alias PATTERN MODULE`.
///
/// The file of a whole kernel has tens of thousands of lines of which a machine needs a few dozen, so that the text stays as it
/// is, and only lines that may match become strings.
struct ModuleAliases {
  private static let keyword = Array("alias ".utf8)
  private static let wildcards = Array("*?[".utf8)

  private let text: [UInt8]
  /// Where the patterns of a bus (the part up to the first colon) begin in the text; a lookup has to compare with those only,
  /// and with those under the empty name, which have a wildcard in that part (`acpi*:LNXPWRBN:*`).
  private var patterns: [ArraySlice<UInt8>: [Int]] = [:]

  init(_ text: [UInt8]) {
    self.text = text
    // Lines for the same bus follow each other; the dictionary is asked only where the bus changes.
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

  /// Modules whose pattern matches, each once; those for the alias's own bus first, each group in the order of the file.
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

  /// A quick look before the pattern is matched: its letters up to the first wildcard are the alias's first.
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
