/// Turns the text of a YAML file into values with positions.
///
/// Of YAML, a project file may use what a careful person writes by hand: comments, anchors and aliases, every style of
/// writing a value. Tags other than `!file` and `!env`, merge keys, several documents and keys that are no text are
/// refused.
struct YAMLDocument {
  /// The most values that a file may hold once aliases are replaced: a small file must not become a large tree.
  static let maximumNodes = 100_000
  /// The deepest nesting.
  static let maximumDepth = 64

  /// The text that is read.
  let source: SourceText
  /// What was wrong.
  private(set) var diagnostics: [Diagnostic] = []
  /// The value of the document; `nil` where the text is no YAML, or empty.
  private(set) var root: SourceNode?

  private let parser: YAMLParser
  private var anchors: [String: Composed] = [:]
  private var nodeCount = 0
  private var isTooLarge = false

  /// A value with its measures, which hold for each alias of it.
  private struct Composed {
    /// The value; `nil` where it was refused.
    var node: SourceNode?
    /// The text of a single value.
    var text: String?
    /// Values in it, itself included.
    var size = 1
    /// Levels below it.
    var height = 0
  }

  /// A reason to read no further.
  private struct Stop: Error {
    var message: String
    var mark: YAMLMark
  }

  init(_ source: SourceText) {
    self.source = source
    parser = YAMLParser(source.text)
    do {
      root = try document()
    } catch let stop as Stop {
      report(stop.message, at: position(stop.mark))
    } catch {
      diagnostics.append(YAMLSyntaxProblem.diagnostic(for: error, in: source))
    }
  }

  private mutating func report(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.error, message, at: position, hint: hint))
  }

  private func position(_ mark: YAMLMark) -> SourcePosition {
    source.position(line: mark.line, scalarColumn: mark.column)
  }

  private mutating func document() throws -> SourceNode? {
    guard case .documentStart = try parser.next().content else {
      report(
        "the file is empty", at: SourcePosition(file: source.file, line: 1, column: 1),
        hint: "`cultivar new DIR` writes a project to begin with")
      return nil
    }
    let value = try value(parser.next(), depth: 0)
    _ = try parser.next()
    let next = try parser.next()
    guard case .end = next.content else {
      throw YAMLSyntaxError.grammar(YAMLSyntaxProblem.secondDocument, at: next.mark, context: nil)
    }
    return value.node
  }

  /// The value that begins with a part.
  private mutating func value(_ event: YAMLEvent, depth: Int) throws -> Composed {
    let place = position(event.mark)
    let before = nodeCount
    var result = Composed()
    switch event.content {
    case .alias(let name):
      result = try anchored(name, at: event.mark)
      // No further than it is too much: aliases of aliases are more than a number can hold.
      nodeCount = min(nodeCount + result.size, Self.maximumNodes + 1)
      if !hasRoom(depth: depth + result.height, at: result.node?.position ?? place) { result.node = nil }
      return result
    case .scalar(let text, let isPlain):
      nodeCount += 1
      result.text = text
      if let tag = event.tag.flatMap(SourceReference.Tag.init(rawValue:)) {
        result.node = SourceNode(content: .reference(SourceReference(tag: tag, text: text)), position: place)
      } else {
        check(event.tag, of: "str", at: place)
        result.node = SourceNode(content: .scalar(SourceScalar(text, isPlain: isPlain)), position: place)
      }
    case .sequenceStart:
      try enter(depth, at: event.mark)
      check(event.tag, of: "seq", at: place)
      var items: [SourceNode] = []
      while case let part = try parser.next(), !part.isEnd {
        let item = try value(part, depth: depth + 1)
        result.height = max(result.height, item.height + 1)
        if let node = item.node { items.append(node) }
      }
      result.node = SourceNode(content: .list(items), position: place)
    case .mappingStart:
      try enter(depth, at: event.mark)
      check(event.tag, of: "map", at: place)
      let entries = try entries(depth: depth, height: &result.height)
      result.node = SourceNode(content: .mapping(entries), position: place)
    case .end, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
      // Not in libyaml's grammar of events.
      throw Stop(message: "a value is missing here", mark: event.mark)
    }
    result.size = nodeCount - before
    if !hasRoom(depth: depth, at: place) { result.node = nil }
    if let anchor = event.anchor { anchors[anchor] = result }
    return result
  }

  /// Entries up to the end of a mapping.
  private mutating func entries(depth: Int, height: inout Int) throws -> [SourceEntry] {
    var entries: [SourceEntry] = []
    var lines: [String: Int] = [:]
    while case let part = try parser.next(), !part.isEnd {
      let place = position(part.mark)
      let key = try key(part)
      let value = try value(parser.next(), depth: depth + 1)
      height = max(height, value.height + 1)
      if key == "<<" {
        report(
          "merge keys are not read", at: place,
          hint: "repeat the values, or give the whole value an anchor (&name) and use it as *name")
      } else if let first = lines[key] {
        report(
          "the key '\(key)' is given twice", at: place, hint: "the first one stands in line \(first); keep one of them")
      } else if let node = value.node {
        lines[key] = place.line
        entries.append(SourceEntry(key: key, position: place, value: node))
      }
    }
    return entries
  }

  private mutating func key(_ event: YAMLEvent) throws -> String {
    switch event.content {
    case .scalar(let text, let isPlain):
      if let anchor = event.anchor {
        let node = SourceNode(content: .scalar(SourceScalar(text, isPlain: isPlain)), position: position(event.mark))
        anchors[anchor] = Composed(node: node, text: text)
      }
      return text
    case .alias(let name):
      if let text = try anchored(name, at: event.mark).text { return text }
    default: break
    }
    throw Stop(message: "a key must be a name", mark: event.mark)
  }

  /// A value that is complete: no alias stands in what it is for.
  private func anchored(_ name: String, at mark: YAMLMark) throws -> Composed {
    guard let value = anchors[name] else {
      throw YAMLSyntaxError.grammar(YAMLSyntaxProblem.unknownAnchor, at: mark, context: nil)
    }
    return value
  }

  private mutating func enter(_ depth: Int, at mark: YAMLMark) throws {
    guard depth < Self.maximumDepth else {
      throw Stop(message: "the file holds too much: more than \(Self.maximumDepth) levels", mark: mark)
    }
    nodeCount += 1
  }

  /// True while the values that were read are not too many and not too deep. It is said once, as all that follows would say it again.
  private mutating func hasRoom(depth: Int, at place: SourcePosition) -> Bool {
    if nodeCount <= Self.maximumNodes, depth <= Self.maximumDepth { return true }
    if !isTooLarge {
      report("the file holds too much: more than \(Self.maximumNodes) values or \(Self.maximumDepth) levels", at: place)
    }
    isTooLarge = true
    return false
  }

  /// Refuses every tag but YAML's own for the kind of value.
  private mutating func check(_ tag: String?, of kind: String, at place: SourcePosition) {
    guard let tag, tag != "!", tag != "tag:yaml.org,2002:\(kind)" else { return }
    report("the tag \(tag) has no meaning here", at: place, hint: "write the value without a tag")
  }
}

extension YAMLEvent {
  /// True for the end of a list or mapping.
  fileprivate var isEnd: Bool {
    switch content {
    case .sequenceEnd, .mappingEnd: true
    default: false
    }
  }
}
