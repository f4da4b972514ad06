/// The kernel command line in `cmdline.txt`: one line.
public struct CommandLineText: Sendable, Equatable {
  /// Maximum number of characters: the arm64 kernel's `COMMAND_LINE_SIZE`, without the final zero.
  public static let limit = 2047

  /// The parameters. A parameter may contain spaces between double quotes.
  public var parameters: [String]

  public init(_ parameters: [String]) { self.parameters = parameters }

  /// Parses a file. The firmware reads its first line.
  public init(_ bytes: [UInt8]) {
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") && $0 != 0 }
    var (words, word, isQuoted) = ([String](), [UInt8](), false)
    for byte in line + [UInt8(ascii: " ")] {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        if isQuoted { fallthrough }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        word = []
      default:
        if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
        word.append(byte)
      }
    }
    // A quote that is not closed extends to the end of the line.
    if !word.isEmpty { words.append(String(decoding: word.dropLast(), as: UTF8.self)) }
    parameters = words
  }

  /// The line, without the line feed at its end.
  public var line: String { parameters.joined(separator: " ") }

  /// The file.
  ///
  /// - Throws: ``ConfigProblem`` for a line that is too long or has a line feed.
  public func bytes() throws(ConfigProblem) -> [UInt8] {
    func refuse(_ line: String, _ reason: String, _ hint: String) -> ConfigProblem {
      ConfigProblem(origin: "cmdline.txt", line: line, reason: reason, hint: hint)
    }
    for parameter in parameters where parameter.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
      throw refuse(
        parameter.replacing("\n", with: "\\n"), "it has a control character", "the file has one line: remove it")
    }
    guard line.utf8.count <= Self.limit else {
      throw refuse(
        String(line.prefix(40)) + "…", "the line has \(line.utf8.count) characters, and the kernel takes \(Self.limit)",
        "remove parameters")
    }
    return Array((line + "\n").utf8)
  }
}
