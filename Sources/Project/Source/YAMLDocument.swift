import Foundation
import Yams

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

  private var repeatedKeys = RepeatedKeys()
  private var nodeCount = 0

  init(_ source: SourceText) {
    self.source = source
    if let problem = YAMLForm.problem(in: source.text) {
      report(problem.message, at: source.position(line: problem.line, scalarColumn: problem.column))
      return
    }
    do {
      guard let node = try repeatedKeys.compose(source) else {
        report("the file is empty", at: start, hint: "`cultivar new DIR` writes a project to begin with")
        return
      }
      root = convert(node, depth: 0)
    } catch {
      diagnostics.append(YAMLSyntaxProblem.diagnostic(for: error, in: source))
    }
  }

  private var start: SourcePosition {
    SourcePosition(file: source.file, line: 1, column: 1)
  }

  private mutating func report(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.error, message, at: position, hint: hint))
  }

  private mutating func convert(_ node: Node, depth: Int) -> SourceNode? {
    let place = position(of: node)
    nodeCount += 1
    guard nodeCount <= Self.maximumNodes, depth <= Self.maximumDepth else {
      // Said once: every further value would say it again.
      if nodeCount <= Self.maximumNodes || nodeCount == Self.maximumNodes + 1 {
        report(
          "the file holds too much: more than \(Self.maximumNodes) values or \(Self.maximumDepth) levels", at: place)
      }
      return nil
    }
    if case .scalar(let scalar) = node, let tag = SourceReference.Tag(rawValue: node.tag.description) {
      return SourceNode(content: .reference(SourceReference(tag: tag, text: scalar.string)), position: place)
    }
    if !isUntagged(node) {
      report("the tag \(node.tag) has no meaning here", at: place, hint: "write the value without a tag")
    }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      return SourceNode(content: .scalar(SourceScalar(scalar.string, isPlain: isPlain)), position: place)
    case .sequence(let sequence):
      return SourceNode(content: .list(sequence.compactMap { convert($0, depth: depth + 1) }), position: place)
    case .mapping(let mapping):
      return SourceNode(content: .mapping(entries(of: mapping, depth: depth)), position: place)
    case .alias:
      return nil
    }
  }

  private mutating func entries(of mapping: Node.Mapping, depth: Int) -> [SourceEntry] {
    var entries: [SourceEntry] = []
    var lines: [String: Int] = [:]
    for (keyNode, valueNode) in mapping {
      let place = position(of: keyNode)
      guard case .scalar(let scalar) = keyNode else {
        report("a key must be a name", at: place)
        continue
      }
      let key = repeatedKeys.original(of: scalar, at: keyNode.mark)
      guard key != "<<" else {
        report(
          "merge keys are not read", at: place,
          hint: "repeat the values, or give the whole value an anchor (&name) and use it as *name")
        continue
      }
      if let first = lines[key] {
        report(
          "the key '\(key)' is given twice", at: place, hint: "the first one stands in line \(first); keep one of them")
        continue
      }
      guard let value = convert(valueNode, depth: depth + 1) else { continue }
      lines[key] = place.line
      entries.append(SourceEntry(key: key, position: place, value: value))
    }
    return entries
  }

  private func position(of node: Node) -> SourcePosition {
    guard let mark = node.mark else { return start }
    return source.position(line: mark.line, scalarColumn: mark.column)
  }

  /// Whether the user wrote no tag, or YAML's own for the kind of value.
  private func isUntagged(_ node: Node) -> Bool {
    let name = node.tag.description
    return switch node {
    case .scalar: name.isEmpty || name == "!" || name == Tag.Name.str.rawValue
    case .sequence: name.isEmpty || name == "!" || name == Tag.Name.seq.rawValue
    case .mapping: name.isEmpty || name == "!" || name == Tag.Name.map.rawValue
    case .alias: true
    }
  }
}
