extension Shape<Int64> {
  private static let sizeUnits: [Character: Int64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
  private static let sizeText = TextDescription(
    noun: "a size like 64M", pattern: #"[0-9]{1,7}(\.[0-9]{1,6})?[KMGT]"#)

  /// Returns the shape of a size: a number with a binary unit (`64M`, `1.5G`), or a whole number of bytes.
  ///
  /// - Parameter minimum: Smallest valid size, in bytes.
  static func size(minimum: Int64 = 1) -> Shape {
    Shape(.either([.text(sizeText), .integer(Int(minimum)...Int.max)])) { node, reading in
      guard let bytes = bytes(of: node) else {
        reading.error(
          "expected \(sizeText.noun), found \(node.kind)", at: node.position,
          hint: "write a number and a unit of 1024: K, M, G or T")
        return nil
      }
      guard bytes >= minimum else {
        reading.error(
          "a size of \(bytes.asSize) is too small", at: node.position, hint: "at least \(minimum.asSize)")
        return nil
      }
      return bytes
    }
  }

  /// Returns the shape of a partition size: a whole number of MiB, so that partitions are aligned on every disk.
  static func partitionSize(minimum: Int64 = 1 << 20) -> Shape {
    size(minimum: minimum).checked { bytes, node, reading in
      guard bytes % (1 << 20) == 0 else {
        reading.error(
          "a partition's size must be a whole number of MiB", at: node.position,
          hint: "the next larger size is \((((bytes >> 20) + 1) << 20).asSize)")
        return nil
      }
      return bytes
    }
  }

  private static func bytes(of node: SourceNode) -> Int64? {
    guard case .scalar(let scalar) = node.content else { return nil }
    switch scalar.value {
    case .integer(let bytes) where bytes >= 0:
      return Int64(bytes)
    case .text(let text) where sizeText.pattern.map(text.isWhole) ?? false:
      // The pattern limits the number of digits, but the largest products still exceed Int64.
      guard let unit = text.last.flatMap({ sizeUnits[$0] }), let number = Double(text.dropLast()) else { return nil }
      let bytes = (number * Double(unit)).rounded()
      return bytes < Double(Int64.max) ? Int64(bytes) : nil
    default:
      return nil
    }
  }
}

extension Shape<SlotSize> {
  private static let percentText = TextDescription(noun: "a percentage like 150%", pattern: "[1-9][0-9]{2,3}%")

  /// A partition size, or a percentage of at least 100.
  static let slotSize = Shape(.either([Shape<Int64>.partitionSize().description, .text(percentText)])) {
    node, reading in
    guard case .scalar(let scalar) = node.content, case .text(let text) = scalar.value, text.hasSuffix("%") else {
      return Shape<Int64>.partitionSize().read(node, &reading).map(SlotSize.bytes)
    }
    guard percentText.pattern.map(text.isWhole) ?? false, let percent = Int(text.dropLast()) else {
      reading.error(
        "'\(text)' is not \(percentText.noun)", at: node.position,
        hint: "write a whole number of at least 100: 100% is just enough for the root file system")
      return nil
    }
    return .percent(percent)
  }
}

extension Int64 {
  /// The number of bytes with the largest unit that divides it: `64M`.
  var asSize: String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] where self > 0 && self % (1 << shift) == 0 {
      return "\(self >> shift)\(unit)"
    }
    return "\(self) bytes"
  }
}

extension Shape<Int> {
  /// A time as a number with a unit (`10s`, `500ms`, `2m`), in milliseconds.
  static let duration = Shape<String>.text(
    "a time like 10s", pattern: "[0-9]{1,6}(ms|s|m|h)", hint: "write a whole number and a unit: ms, s, m or h"
  ).converted { text, _, _ in
    let number = Int(text.prefix { $0.isNumber })
    let factors = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
    return number.flatMap { number in factors[text.drop { $0.isNumber }.description].map { number * $0 } }
  }

  /// A share of one processor (`50%`, `200%`), in hundredths.
  static let percentage = Shape<String>.text(
    "a percentage like 50%", pattern: "[1-9][0-9]{0,4}%", hint: "100% is one processor"
  ).converted { text, _, _ in Int(text.dropLast()) }

  /// A TCP or UDP port.
  static let port = integer(1...65_535)
}

extension Shape<UInt32> {
  /// Permission bits in octal digits, as text, because YAML reads the number `0644` as 644.
  static let mode = Shape<String>.text(
    "a mode like \"0644\"", pattern: "0?[0-7]{3}",
    hint: "write three octal digits in quotes, with or without a 0 before them"
  ).converted { text, _, _ in UInt32(text, radix: 8) }
}
