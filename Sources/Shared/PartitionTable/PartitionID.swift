/// The unique ID of a partition, as Linux, GRUB and U-Boot write it (`PARTUUID`).
public enum PartitionID: Hashable, Sendable, CustomStringConvertible {
  /// The GUID of a partition in a ``GPT``.
  case gpt(GUID)
  /// The signature of a disk with a ``MasterBootRecord``, and the number of the partition.
  case mbr(signature: UInt32, number: Int)

  /// Parses a GUID, or eight hexadecimal digits, a hyphen and two more digits; `nil` for any other text.
  public init?(_ text: String) {
    if let guid = GUID(text) {
      self = .gpt(guid)
      return
    }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    // `UInt32(_:radix:)` accepts a sign.
    guard parts.count == 2, parts[0].utf8.count == 8, parts[1].utf8.count == 2, parts.allSatisfy({ $0.first != "+" }),
      parts.allSatisfy({ $0.first != "-" }), let signature = UInt32(parts[0], radix: 16),
      let number = UInt8(parts[1], radix: 16)
    else { return nil }
    self = .mbr(signature: signature, number: Int(number))
  }

  public var description: String {
    switch self {
    case .gpt(let guid): "\(guid)"
    case .mbr(let signature, let number): "\(Self.digits(signature, 8))-\(Self.digits(number, 2))"
    }
  }

  private static func digits(_ value: some BinaryInteger, _ width: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }
}
