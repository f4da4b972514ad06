import Spelling

extension Shape {
  /// Returns the shape of a mapping with known keys.
  ///
  /// All keys are read and all mistakes are reported. Then `build` creates the value.
  ///
  /// - Parameters:
  ///   - noun: Kind of the mapping, for messages and for the definitions of the schema.
  ///   - about: Description in one or a few sentences, for the schema and the reference.
  ///   - keys: Keys, in the order of the reference. `build` must not access other keys.
  ///   - rules: Rules about the keys.
  ///   - build: Creates the value; `nil` if a required part is missing or invalid.
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

  /// Returns the shape of a mapping whose known keys depend on the value of one key.
  ///
  /// - Parameters:
  ///   - noun: Kind of the mapping, for messages.
  ///   - key: The key that selects the variant.
  ///   - variants: Values of the key, each with the shape of the whole mapping. The shape also declares the key.
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
  /// Reads the content of a mapping, with the mapping added to ``surroundings``.
  ///
  /// - Parameters:
  ///   - noun: Kind of the mapping.
  ///   - name: Name in the mapping itself. The name that a surrounding dictionary gives takes precedence.
  ///   - body: Function that reads the content.
  mutating func within<Result>(_ noun: String, name: String?, _ body: (inout Reading) -> Result) -> Result {
    let given = entryName
    entryName = nil
    surroundings.append(Surrounding(noun: noun, name: given ?? name))
    defer { surroundings.removeLast() }
    return body(&self)
  }
}

extension ObjectDescription {
  /// Reads all keys of a mapping. Reports unknown, missing and empty keys, and violations of the rules.
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
          "'\(key.name)' has no value", at: entry.position, hint: "add a value, or remove the line")
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

  /// Returns the keys that are not given. The user may have meant one of them.
  private func unusedNames(_ entries: [SourceEntry]) -> [String] {
    keys.map(\.name).filter { name in !entries.contains { $0.key == name } }
  }
}
