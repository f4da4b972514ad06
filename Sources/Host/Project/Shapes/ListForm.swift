/// The list or mapping that somebody meant who wrote its items as one text: the remedy of the message about it.
enum ListForm {
  /// The list that a text stands for, as it is to be written.
  ///
  /// - Returns: `nil` where the text is none of its items, nor several of them.
  static func hint<Item>(for node: SourceNode, item: Shape<Item>, _ reading: Reading) -> String? {
    guard case .scalar(let scalar) = node.content, !scalar.text.isEmpty, !scalar.text.contains(where: \.isNewline)
    else { return nil }
    let whole = [scalar.text]
    let isOne = reads(whole, by: item, at: node.position, reading)
    let parts = words(of: scalar.text)
    let isSeveral = parts.count > 1 && reads(parts, by: item, at: node.position, reading)
    switch (isOne, isSeveral) {
    case (true, true): return "write \(list(whole)); for \(parts.count) items, \(list(parts))"
    case (true, false): return "write \(list(whole))"
    case (false, true): return "write \(list(parts))"
    case (false, false):
      // Something is wrong with one of the words as well, which is said next.
      guard case .text = item.description, parts.count > 1 else { return nil }
      return "write \(list(parts))"
    }
  }

  /// The mapping that names stand for which were written as a text or list, where nothing has to be said of any of them.
  ///
  /// - Returns: `nil` where they are no names, or something has to be said.
  static func hint<Item>(
    for node: SourceNode, key: Shape<String>, value: Shape<Item>, _ reading: Reading
  ) -> String? {
    guard case .object(let object) = value.description, !object.keys.contains(where: \.isRequired), object.rules.isEmpty
    else { return nil }
    var names: [String] = []
    switch node.content {
    case .scalar(let scalar): names = words(of: scalar.text)
    case .list(let items): names = items.compactMap(\.text)
    case .mapping, .reference: break
    }
    guard !names.isEmpty, reads(names, by: key, at: node.position, reading) else { return nil }
    return "write { \(names.map { "\($0): {}" }.joined(separator: ", ")) }"
  }

  private static func words(of text: String) -> [String] {
    text.split { $0.isWhitespace || $0 == "," }.map(String.init)
  }

  private static func list(_ items: [String]) -> String {
    "[\(items.map { isPlain($0) ? $0 : JSONValue.text($0).compact }.joined(separator: ", "))]"
  }

  /// True if a text can stand between brackets without quotes.
  private static func isPlain(_ text: String) -> Bool {
    guard text.isWhole("-{0,2}[A-Za-z0-9./][A-Za-z0-9_./:+@%~= -]*"), !text.hasSuffix(":"), !text.contains(": "),
      case .text = SourceScalar(text, isPlain: true).value
    else { return false }
    return true
  }

  /// True if each of the texts is an item.
  private static func reads<Item>(
    _ texts: [String], by item: Shape<Item>, at position: SourcePosition, _ reading: Reading
  ) -> Bool {
    texts.allSatisfy { text in
      var trial = reading
      let value = item.read(SourceNode(.text(text), at: position), &trial)
      return value != nil && trial.diagnostics.count == reading.diagnostics.count
    }
  }
}
