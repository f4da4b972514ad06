import Spelling

extension Shape {
  /// A mapping with known keys.
  ///
  /// Every key is read and every mistake reported, whatever the others hold; then `build` makes the value of them.
  ///
  /// - Parameters:
  ///   - noun: What it is, for messages and for the schema's definitions.
  ///   - about: One sentence or a few, for the schema and the reference.
  ///   - keys: Its keys, in the order of the reference. `build` may ask for no others.
  ///   - rules: What holds between the keys.
  ///   - build: Makes the value; `nil` where something without which there is none was missing or wrong.
  static func object(
    _ noun: String, about: String, keys: [any KeyDeclaration], rules: [ObjectRule] = [],
    build: @escaping @Sendable (Fields, inout Reading) -> Value?
  ) -> Shape {
    let object = ObjectDescription(noun: noun, about: about, keys: keys.map(\.entry), rules: rules)
    return Shape(.object(object)) { node, reading in
      guard case .mapping(let entries) = node.content else {
        reading.error(
          "expected a mapping for \(noun), found \(node.kind)", at: node.position,
          hint: "keys of \(noun): \(object.keys.map(\.name).joined(separator: ", "))")
        return nil
      }
      return reading.within(noun, name: node.value(of: "name")?.text) { reading in
        let fields = object.readFields(entries, at: node.position, &reading)
        return build(fields, &reading)
      }
    }
  }

  /// A mapping whose known keys depend on the word at one of them.
  ///
  /// - Parameters:
  ///   - noun: What it is, for messages.
  ///   - key: The key with the word.
  ///   - variants: The words, each with the shape of the whole mapping, which declares the key as well.
  static func variants(_ noun: String, by key: String, _ variants: [(word: String, shape: Shape)]) -> Shape {
    let words = variants.map(\.word)
    let objects = variants.compactMap { variant -> (word: String, object: ObjectDescription)? in
      guard case .object(let object) = variant.shape.description else { return nil }
      return (variant.word, object)
    }
    return Shape(.variants(key: key, objects)) { node, reading in
      guard case .mapping = node.content else {
        reading.error("expected a mapping for \(noun), found \(node.kind)", at: node.position)
        return nil
      }
      guard let value = node.value(of: key) else {
        reading.error(
          "\(noun) has no '\(key)'", at: node.position, hint: "choose one: \(words.joined(separator: ", "))")
        return nil
      }
      guard let word = Shape<String>.choice(words, "a \(key) of the \(noun)").read(value, &reading),
        let variant = variants.first(where: { $0.word == word })
      else { return nil }
      return variant.shape.read(node, &reading)
    }
  }
}

extension Reading {
  /// Reads a mapping that is one of the surroundings of what is in it.
  ///
  /// - Parameters:
  ///   - noun: What it is.
  ///   - name: Its name; where there is none, the name that a dictionary around it gave.
  ///   - body: Reads what is in it.
  mutating func within<Result>(_ noun: String, name: String?, _ body: (inout Reading) -> Result) -> Result {
    let given = entryName
    entryName = nil
    surroundings.append(Surrounding(noun: noun, name: given ?? name))
    defer { surroundings.removeLast() }
    return body(&self)
  }
}

extension ObjectDescription {
  /// Reads all keys of a mapping, and reports unknown, missing and empty ones and what is against the rules.
  fileprivate func readFields(
    _ entries: [SourceEntry], at position: SourcePosition, _ reading: inout Reading
  ) -> Fields {
    var values: [String: any Sendable] = [:]
    var keyPositions: [String: SourcePosition] = [:]
    for entry in entries {
      guard let key = keys.first(where: { $0.name == entry.key }) else {
        reading.error(
          "unknown key '\(entry.key)' in \(reading.place)", at: entry.position,
          hint: NearestName.hint(for: entry.key, among: unusedNames(entries), kind: "keys of \(noun)"))
        continue
      }
      keyPositions[key.name] = entry.position
      guard !entry.value.isNull else {
        reading.error(
          "'\(key.name)' has no value", at: entry.position, hint: "give it one, or remove the line")
        continue
      }
      values[key.name] = key.read(entry.value, &reading)
    }
    for key in keys where key.isRequired && keyPositions[key.name] == nil {
      let example = key.example.map { ", for example `\(key.name): \($0.inFlowYAML)`" } ?? ""
      reading.error(
        "\(reading.place) has no '\(key.name)'", at: position, hint: key.hint ?? "add '\(key.name)'\(example)")
    }
    for rule in rules {
      rule.check(entries, at: position, &reading)
    }
    return Fields(position: position, values: values, keyPositions: keyPositions, reading: reading)
  }

  /// The keys that the user may still have meant.
  private func unusedNames(_ entries: [SourceEntry]) -> [String] {
    keys.map(\.name).filter { name in !entries.contains { $0.key == name } }
  }
}
