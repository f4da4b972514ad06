/// The values of a mapping whose known keys have been read, by key.
struct Fields {
  /// Where the mapping begins.
  let position: SourcePosition
  /// What was read; a key whose value could not be used is missing.
  private let values: [String: any Sendable]
  /// Where the keys that the user wrote stand.
  private let keyPositions: [String: SourcePosition]
  private let reading: Reading

  init(
    position: SourcePosition, values: [String: any Sendable], keyPositions: [String: SourcePosition], reading: Reading
  ) {
    self.position = position
    self.values = values
    self.keyPositions = keyPositions
    self.reading = reading
  }

  /// The value of a key that must be given; `nil` where it is missing or wrong, which has been reported.
  subscript<Value>(key: RequiredKey<Value>) -> Value? {
    value(of: key.entry)
  }

  /// The value of a key that may be left out; `nil` where it is, or is wrong, which has been reported.
  subscript<Value>(key: OptionalKey<Value>) -> Value? {
    value(of: key.entry)
  }

  /// The value of a key, or its default.
  subscript<Value>(key: DefaultedKey<Value>) -> Value {
    value(of: key.entry) ?? key.readDefault(at: position, in: reading)
  }

  /// Where the user wrote a key; `nil` where it is left out.
  func position(of key: some KeyDeclaration) -> SourcePosition? {
    keyPositions[key.entry.name]
  }

  private func value<Value>(of entry: KeyDescription) -> Value? {
    values[entry.name].flatMap { $0 as? Value }
  }
}
