extension Array where Element == UInt8 {
  /// Appends `value` in the byte order of the GUID Partition Table.
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension Collection where Element == UInt8 {
  /// The number that stands at `offset` from the start; bytes that are not there count as zero.
  func littleEndian<Number: FixedWidthInteger>(at offset: Int, as: Number.Type = Number.self) -> Number {
    dropFirst(offset).prefix(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }
}
