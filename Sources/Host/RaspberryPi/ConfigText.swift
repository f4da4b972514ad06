/// The lines of a `config.txt`, as the firmware reads them (Raspberry Pi documentation, "File format").
public struct ConfigText: Sendable, Equatable {
  /// Maximum number of characters that the firmware reads of a line.
  public static let lineLimit = 98
  /// Maximum length of the name of a file in `include` and `initramfs`, as in the firmware.
  public static let nameLimit = 64
  /// Maximum size of a file that is parsed.
  public static let sizeLimit = 256 << 10

  /// A line.
  public struct Line: Sendable, Equatable {
    /// Number from 1.
    public var number: Int
    public var content: Content
    /// True if the line is longer than ``ConfigText/lineLimit``: the firmware ignores the rest.
    public var isCut: Bool
  }

  /// The content of a line, after it was cut.
  public enum Content: Sendable, Equatable {
    /// `KEY=VALUE`. The firmware takes spaces around neither of them.
    case setting(key: String, value: String)
    /// `initramfs FILE[,FILE…] ADDRESS`, which has no `=`.
    case initialRAM(files: [String], address: String)
    /// `include FILE`.
    case include(String)
    /// `[FILTER]`: the text between the brackets.
    case filter(String)
    /// A line that the firmware does not understand.
    case unknown(String)
  }

  /// The lines, without comments and empty lines.
  public var lines: [Line]

  /// Parses a file.
  ///
  /// - Parameter bytes: The file. Bytes after ``sizeLimit`` are ignored.
  public init(_ bytes: [UInt8]) {
    lines = []
    for (index, raw) in bytes.prefix(Self.sizeLimit).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).enumerated() {
      // A line may end with a carriage return, as from an editor on Windows.
      let whole = raw.last == UInt8(ascii: "\r") ? raw.dropLast() : raw
      let text = String(decoding: whole.prefix(Self.lineLimit), as: UTF8.self)
      guard let content = Self.content(of: text) else { continue }
      lines.append(Line(number: index + 1, content: content, isCut: whole.count > Self.lineLimit))
    }
  }

  /// Parses a line that was cut; `nil` for an empty line or a comment.
  static func content(of text: String) -> Content? {
    let text = text.drop { $0 == " " || $0 == "\t" }
    guard let first = text.first, first != "#" else { return nil }
    if first == "[" {
      guard let end = text.firstIndex(of: "]") else { return .unknown(String(text)) }
      return .filter(String(text[text.index(after: text.startIndex)..<end]))
    }
    let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
    if words.first == "include", words.count >= 2 { return .include(words[1]) }
    if words.first == "initramfs", words.count >= 2 {
      return .initialRAM(
        files: words[1].split(separator: ",").map(String.init), address: words.count > 2 ? words[2] : "followkernel")
    }
    guard let sign = text.firstIndex(of: "=") else { return .unknown(String(text)) }
    let key = text[..<sign].split { $0 == " " || $0 == "\t" }.joined()
    let value = text[text.index(after: sign)...].drop { $0 == " " || $0 == "\t" }
    return .setting(
      key: key, value: String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed()))
  }
}
