import CYAML

/// A position in a YAML text. Line and column start at 1; columns count Unicode scalars.
struct YAMLMark: Equatable {
  var line: Int
  var column: Int

  fileprivate init(_ mark: yaml_mark_t) {
    line = Int(mark.line) + 1
    column = Int(mark.column) + 1
  }
}

/// A parsing event of libyaml.
struct YAMLEvent {
  enum Content {
    /// The end of the text.
    case end
    case documentStart, documentEnd
    /// A reference to the value of an anchor.
    case alias(String)
    /// A single value. It is plain if it has neither quotes nor a tag.
    case scalar(String, isPlain: Bool)
    case sequenceStart, sequenceEnd
    case mappingStart, mappingEnd
  }

  var content: Content
  /// Tag that the user wrote.
  var tag: String?
  /// Anchor that the user wrote.
  var anchor: String?
  /// Beginning of the event in the text.
  var mark: YAMLMark
}

/// A syntax error in a YAML text.
enum YAMLSyntaxError: Error {
  /// The text violates the grammar.
  ///
  /// - Parameters:
  ///   - problem: Message of libyaml.
  ///   - context: Beginning of the value that contains the problem.
  case grammar(_ problem: String, at: YAMLMark, context: YAMLMark?)
  /// The text contains a character that YAML does not allow.
  ///
  /// - Parameter offset: Number of bytes before the character.
  case character(_ problem: String, offset: Int)
}

/// A parser that turns a YAML text into events, with libyaml.
///
/// The parser does not build a tree. The caller can therefore limit depth and aliases before they use memory.
final class YAMLParser {
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  // The structure contains pointers to itself, so it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  init(_ text: String) {
    bytes = .allocate(capacity: text.utf8.count)
    _ = bytes.initialize(from: text.utf8)
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else { fatalError("there is no memory to read a YAML file") }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    bytes.deallocate()
  }

  /// Returns the next event.
  ///
  /// - Throws: ``YAMLSyntaxError`` if the text is invalid. No events can be read after it.
  func next() throws(YAMLSyntaxError) -> YAMLEvent {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError }
      defer { yaml_event_delete(&event) }
      if let part = Self.part(event) { return part }
    }
  }

  /// Converts an event; returns `nil` for the start of the stream.
  private static func part(_ event: yaml_event_t) -> YAMLEvent? {
    var part = YAMLEvent(content: .end, mark: YAMLMark(event.start_mark))
    switch event.type {
    case YAML_STREAM_START_EVENT: return nil
    case YAML_DOCUMENT_START_EVENT: part.content = .documentStart
    case YAML_DOCUMENT_END_EVENT: part.content = .documentEnd
    case YAML_ALIAS_EVENT: part.content = .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      (part.tag, part.anchor) = (text(scalar.tag), text(scalar.anchor))
      // The value can contain NUL bytes.
      let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      part.content = .scalar(value, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE && part.tag == nil)
    case YAML_SEQUENCE_START_EVENT:
      (part.tag, part.anchor) = (text(event.data.sequence_start.tag), text(event.data.sequence_start.anchor))
      part.content = .sequenceStart
    case YAML_SEQUENCE_END_EVENT: part.content = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      (part.tag, part.anchor) = (text(event.data.mapping_start.tag), text(event.data.mapping_start.anchor))
      part.content = .mappingStart
    case YAML_MAPPING_END_EVENT: part.content = .mappingEnd
    default: break
    }
    return part
  }

  private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? { pointer.map { String(cString: $0) } }

  private var syntaxError: YAMLSyntaxError {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "there is not enough memory"
    if parser.pointee.error == YAML_READER_ERROR {
      return .character(problem, offset: Int(parser.pointee.problem_offset))
    }
    let context = parser.pointee.context == nil ? nil : YAMLMark(parser.pointee.context_mark)
    return .grammar(problem, at: YAMLMark(parser.pointee.problem_mark), context: context)
  }
}
