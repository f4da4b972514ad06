import Hexadecimal

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
    guard parts.map(\.utf8.count) == [8, 2], let signature = parts[0].utf8.decodedHexadecimal,
      let number = parts[1].utf8.decodedHexadecimal
    else { return nil }
    self = .mbr(signature: signature.reduce(0) { $0 << 8 | UInt32($1) }, number: Int(number[0]))
  }

  public var description: String {
    switch self {
    case .gpt(let guid): "\(guid)"
    case .mbr(let signature, let number): "\(signature.hexadecimal)-\(UInt8(clamping: number).hexadecimal)"
    }
  }
}
