extension Shape {
  /// Returns the shape of a list. Invalid items are reported and left out.
  static func list<Item: Sendable>(of item: Shape<Item>, minimumCount: Int = 0) -> Shape where Value == [Item] {
    Shape(.list(item.description, minimumCount: minimumCount)) { node, reading in
      guard case .list(let items) = node.content else {
        reading.error(
          "expected a list, found \(node.kind)", at: node.position,
          hint: ListForm.hint(for: node, item: item, reading)
            ?? "write the items in brackets, like [first, second], or one per line after '- '")
        return nil
      }
      guard items.count >= minimumCount else {
        reading.error("the list is empty", at: node.position, hint: "give at least one item")
        return nil
      }
      return items.compactMap { item.read($0, &reading) }
    }
  }

  /// Returns the shape of a mapping from user-defined names to values. Invalid entries are reported and left out.
  ///
  /// - Parameters:
  ///   - key: Shape of the names.
  ///   - value: Shape of the values.
  static func dictionary<Item: Sendable>(
    key: Shape<String>, value: Shape<Item>, minimumCount: Int = 0
  ) -> Shape where Value == [DictionaryEntry<Item>] {
    let keyText: TextDescription
    if case .text(let text) = key.description {
      keyText = text
    } else {
      keyText = TextDescription(noun: "a name")
    }
    return Shape(.dictionary(key: keyText, value: value.description, minimumCount: minimumCount)) { node, reading in
      guard case .mapping(let entries) = node.content else {
        reading.error(
          "expected a mapping, found \(node.kind)", at: node.position,
          hint: ListForm.hint(for: node, key: key, value: value, reading) ?? "write 'name: value', one per line")
        return nil
      }
      guard entries.count >= minimumCount else {
        reading.error("the mapping is empty", at: node.position, hint: "give at least one entry")
        return nil
      }
      return entries.compactMap { entry -> DictionaryEntry<Item>? in
        let keyNode = SourceNode(content: .scalar(SourceScalar(entry.key, isPlain: false)), position: entry.position)
        let name = key.read(keyNode, &reading)
        guard !entry.value.isNull else {
          reading.error("'\(entry.key)' has no value", at: entry.position, hint: "add a value, or remove the line")
          return nil
        }
        reading.entryName = entry.key
        defer { reading.entryName = nil }
        guard let item = value.read(entry.value, &reading), let name else { return nil }
        return DictionaryEntry(name: name, position: entry.position, value: item)
      }
    }
  }

  /// Returns the shape of a mapping from names to parts, which get the name and position of their entry.
  ///
  /// - Parameters:
  ///   - key: Shape of the names.
  ///   - value: Shape of the parts.
  static func named<Part: NamedPart>(
    key: Shape<String>, value: Shape<Part>, minimumCount: Int = 0
  ) -> Shape where Value == [Part] {
    Shape<[DictionaryEntry<Part>]>.dictionary(key: key, value: value, minimumCount: minimumCount).map { entries in
      entries.map { entry in
        var part = entry.value
        (part.name, part.position) = (entry.name, entry.position)
        return part
      }
    }
  }

  /// Returns a shape that differs for single values and other values.
  ///
  /// The kind of the value selects the shape, so that messages refer to the form that the user meant.
  static func either(scalar: Shape, otherwise: Shape) -> Shape {
    Shape(.either([scalar.description, otherwise.description])) { node, reading in
      if case .scalar = node.content {
        return scalar.read(node, &reading)
      }
      return otherwise.read(node, &reading)
    }
  }

  /// Returns a shape that differs for mappings and other values. The kind of the value selects the shape.
  static func eitherList(_ list: Shape, otherwise: Shape) -> Shape {
    Shape(.either([list.description, otherwise.description])) { node, reading in
      if case .mapping = node.content {
        return otherwise.read(node, &reading)
      }
      return list.read(node, &reading)
    }
  }
}

/// An entry of a mapping from user-defined names.
struct DictionaryEntry<Item: Sendable>: Sendable {
  var name: String
  /// Position of the name.
  var position: SourcePosition
  var value: Item
}

extension DictionaryEntry: Equatable where Item: Equatable {}
