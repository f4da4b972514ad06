/// The content of a YAML file as values with positions.
///
/// Comments, anchors, aliases and all styles of values are supported. Tags other than `!file` and `!env`, merge keys,
/// several documents, and keys that are not text are errors.
struct YAMLDocument {
  /// Maximum number of values after aliases are replaced, so that a small file cannot expand to a large tree.
  static let maximumNodes = 100_000
  /// Maximum depth of nesting.
  static let maximumDepth = 64

  let source: SourceText
  /// Problems of the text.
  private(set) var diagnostics: [Diagnostic] = []
  /// Value of the document; `nil` if the text is empty or not valid YAML.
  private(set) var root: SourceNode?

  private let parser: YAMLParser
  private var anchors: [String: Composed] = [:]
  private var nodeCount = 0
  private var isTooLarge = false

  /// A value with its size and height, which also apply to each alias of the value.
  private struct Composed {
    /// Value; `nil` if it was rejected.
    var node: SourceNode?
    /// Text of a single value.
    var text: String?
    /// Number of values in it, including itself.
    var size = 1
    /// Number of levels below it.
    var height = 0
  }

  /// An error that stops the reading.
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
        hint: "`cultivar new DIR` makes a project to start from")
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

  /// Reads the value that begins with an event.
  private mutating func value(_ event: YAMLEvent, depth: Int) throws -> Composed {
    let place = position(event.mark)
    let before = nodeCount
    var result = Composed()
    switch event.content {
    case .alias(let name):
      result = try anchored(name, at: event.mark)
      // The count is capped, because nested aliases could overflow an integer.
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
      // libyaml does not report these events here.
      throw Stop(message: "a value is missing here", mark: event.mark)
    }
    result.size = nodeCount - before
    if !hasRoom(depth: depth, at: place) { result.node = nil }
    if let anchor = event.anchor { anchors[anchor] = result }
    return result
  }

  /// Reads the entries up to the end of a mapping.
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
          "merge keys are not supported", at: place,
          hint: "repeat the values, or give the whole value an anchor (&name) and use it as *name")
      } else if let first = lines[key] {
        report(
          "the key '\(key)' is given twice", at: place, hint: "the first one is on line \(first); keep one of them")
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

  /// Returns the value of an anchor.
  ///
  /// The anchor of a list or mapping is stored after all values in it have been read, so a value cannot contain itself.
  private func anchored(_ name: String, at mark: YAMLMark) throws -> Composed {
    guard let value = anchors[name] else {
      throw YAMLSyntaxError.grammar(YAMLSyntaxProblem.unknownAnchor, at: mark, context: nil)
    }
    return value
  }

  private mutating func enter(_ depth: Int, at mark: YAMLMark) throws {
    guard depth < Self.maximumDepth else {
      throw Stop(message: "the file is too large: it has more than \(Self.maximumDepth) levels", mark: mark)
    }
    nodeCount += 1
  }

  /// Returns true while the values do not exceed the limits on number and depth.
  ///
  /// An exceeded limit is reported only once, because all later values exceed it too.
  private mutating func hasRoom(depth: Int, at place: SourcePosition) -> Bool {
    if nodeCount <= Self.maximumNodes, depth <= Self.maximumDepth { return true }
    if !isTooLarge {
      report(
        "the file is too large: it has more than \(Self.maximumNodes) values or \(Self.maximumDepth) levels", at: place)
    }
    isTooLarge = true
    return false
  }

  /// Reports every tag except the YAML tag for the kind of value.
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
