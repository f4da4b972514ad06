/// The values of a mapping with known keys.
struct Fields {
  /// Beginning of the mapping.
  let position: SourcePosition
  /// Values by key. Keys with an invalid value are missing.
  private let values: [String: any Sendable]
  /// Positions of the keys that the user wrote.
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

  /// The value of a required key; `nil` if it is missing or invalid, which has been reported.
  subscript<Value>(key: RequiredKey<Value>) -> Value? {
    value(of: key.entry)
  }

  /// The value of an optional key; `nil` if it is not given, or if it is invalid, which has been reported.
  subscript<Value>(key: OptionalKey<Value>) -> Value? {
    value(of: key.entry)
  }

  /// The value of a key, or its default.
  subscript<Value>(key: DefaultedKey<Value>) -> Value {
    value(of: key.entry) ?? key.readDefault(at: position, in: reading)
  }

  /// Returns the position of a key; `nil` if it is not given.
  func position(of key: some KeyDeclaration) -> SourcePosition? {
    keyPositions[key.entry.name]
  }

  private func value<Value>(of entry: KeyDescription) -> Value? {
    values[entry.name].flatMap { $0 as? Value }
  }
}
