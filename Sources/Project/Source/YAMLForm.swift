import CYaml

/// What of a YAML text must be known before it becomes a tree: the parser that makes the tree calls itself for each level, and compares keys by
/// all that is in them, aliases replaced. A few lines could take all of the stack, or hours.
enum YAMLForm {
  /// Something that no project file has, with its place: line and column from 1.
  struct Problem: Equatable {
    var message: String
    var line: Int
    var column: Int
  }

  /// A list or mapping that has begun.
  private enum Open {
    case list
    case mapping(isKeyNext: Bool)

    var isKeyNext: Bool { if case .mapping(true) = self { true } else { false } }

    /// Passes over a value.
    mutating func pass() {
      if case .mapping(let isKeyNext) = self { self = .mapping(isKeyNext: !isKeyNext) }
    }
  }

  /// The first key that is no single value, or value that is too deep; `nil` where there is none. A syntax error is left to the parser.
  static func problem(in text: String) -> Problem? {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { return nil }
    defer { yaml_parser_delete(&parser) }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
    var text = text
    return text.withUTF8 { bytes in
      yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
      return problem(in: &parser)
    }
  }

  private static func problem(in parser: inout yaml_parser_t) -> Problem? {
    var open: [Open] = []
    // Anchors of lists and mappings.
    var large: Set<String> = []
    func name(_ anchor: UnsafeMutablePointer<UInt8>?) -> String? { anchor.map { String(cString: $0) } }
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(&parser, &event) == 1 else { return nil }
      defer { yaml_event_delete(&event) }
      func problem(_ message: String) -> Problem {
        Problem(message: message, line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
      }
      let isKey = open.last?.isKeyNext ?? false
      func pass() { if !open.isEmpty { open[open.count - 1].pass() } }
      switch event.type {
      case YAML_STREAM_END_EVENT: return nil
      case YAML_ALIAS_EVENT:
        if isKey, name(event.data.alias.anchor).map(large.contains) ?? true { return problem("a key must be a name") }
        pass()
      case YAML_SCALAR_EVENT:
        if let anchor = name(event.data.scalar.anchor) { large.remove(anchor) }
        pass()
      case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
        if isKey { return problem("a key must be a name") }
        guard open.count < YAMLDocument.maximumDepth else {
          return problem("the file holds too much: more than \(YAMLDocument.maximumDepth) levels")
        }
        let isList = event.type == YAML_SEQUENCE_START_EVENT
        if let anchor = name(isList ? event.data.sequence_start.anchor : event.data.mapping_start.anchor) {
          large.insert(anchor)
        }
        pass()
        open.append(isList ? .list : .mapping(isKeyNext: true))
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: open.removeLast()
      default: break
      }
    }
  }
}
