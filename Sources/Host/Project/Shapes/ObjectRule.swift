import Spelling

/// A rule about the keys of a mapping.
enum ObjectRule: Sendable {
  /// Exactly one of the keys is given.
  case exactlyOne([String])
  /// At least one of the keys is given.
  case atLeastOne([String])
  /// At most one of the keys is given.
  case atMostOne([String])
  /// If the first key is given, exactly one of the others is given.
  case exactlyOneBeside(String, [String])
  /// The first key is given only together with one of the others.
  case needs(String, [String])

  /// Exactly one of the keys is given.
  static func exactlyOne(of keys: any KeyDeclaration...) -> ObjectRule {
    .exactlyOne(keys.map(\.entry.name))
  }

  /// At least one of the keys is given.
  static func atLeastOne(of keys: any KeyDeclaration...) -> ObjectRule {
    .atLeastOne(keys.map(\.entry.name))
  }

  /// At most one of the keys is given.
  static func atMostOne(of keys: any KeyDeclaration...) -> ObjectRule {
    .atMostOne(keys.map(\.entry.name))
  }

  /// If the first key is given, exactly one of the others is given.
  static func exactlyOne(beside trigger: any KeyDeclaration, of keys: any KeyDeclaration...) -> ObjectRule {
    .exactlyOneBeside(trigger.entry.name, keys.map(\.entry.name))
  }

  /// The first key is given only together with one of the others.
  static func needs(_ key: any KeyDeclaration, oneOf others: any KeyDeclaration...) -> ObjectRule {
    .needs(key.entry.name, others.map(\.entry.name))
  }

  /// Reports violations of the rule.
  ///
  /// - Parameters:
  ///   - entries: Entries of the mapping.
  ///   - position: Beginning of the mapping.
  func check(_ entries: [SourceEntry], at position: SourcePosition, _ reading: inout Reading) {
    switch self {
    case .exactlyOne(let names):
      checkOne(of: names, in: entries, at: position, &reading)
    case .atLeastOne(let names):
      askForOne(of: names, in: entries, at: position, hint: "give at least one of them", &reading)
    case .atMostOne(let names):
      refuseSecond(of: names, in: entries, &reading)
    case .exactlyOneBeside(let trigger, let names):
      guard let entry = entries.first(where: { $0.key == trigger }) else { return }
      checkOne(of: names, in: entries, at: entry.position, &reading)
    case .needs(let name, let others):
      guard let entry = entries.first(where: { $0.key == name }), !entries.contains(where: { others.contains($0.key) })
      else { return }
      reading.error(
        "'\(name)' has no effect without \(Self.listed(others)) in \(reading.place)", at: entry.position,
        hint: "add \(Self.listed(others)), or remove '\(name)'")
    }
  }

  private func checkOne(
    of names: [String], in entries: [SourceEntry], at position: SourcePosition, _ reading: inout Reading
  ) {
    refuseSecond(of: names, in: entries, &reading)
    askForOne(of: names, in: entries, at: position, hint: "give exactly one of them", &reading)
  }

  private func askForOne(
    of names: [String], in entries: [SourceEntry], at position: SourcePosition, hint: String, _ reading: inout Reading
  ) {
    // A misspelt name is already reported as an unknown key. A second message would be noise.
    let isGiven = entries.contains { entry in
      names.contains(entry.key) || NearestName.nearest(to: entry.key, among: names) != nil
    }
    guard !isGiven else { return }
    reading.error("\(reading.place) needs \(Self.listed(names))", at: position, hint: hint)
  }

  private func refuseSecond(of names: [String], in entries: [SourceEntry], _ reading: inout Reading) {
    let given = entries.filter { names.contains($0.key) }
    guard let first = given.first else { return }
    for other in given.dropFirst() {
      reading.error(
        "'\(other.key)' and '\(first.key)' cannot both be in \(reading.place)", at: other.position,
        hint: "keep one of \(Self.listed(given.map(\.key), by: "and"))")
    }
  }

  private static func listed(_ names: [String], by word: String = "or") -> String {
    let quoted = names.map { "'\($0)'" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
    return "\(quoted.dropLast().joined(separator: ", ")) \(word) \(last)"
  }
}
