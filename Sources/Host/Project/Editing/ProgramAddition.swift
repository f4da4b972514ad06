import FoundationEssentials
import Spelling

/// An editor that adds programs to a project file.
///
/// It appends an item to a list of programs and leaves all other lines unchanged.
public struct ProgramAddition: Sendable {
  private let file: URL

  /// A program that was added.
  public struct Added: Sendable {
    /// Name of the image that it was added to.
    public var image: String
    /// The program, as read from the changed file.
    public var program: ProgramDefinition
  }

  public init(file: URL) {
    self.file = file
  }

  /// Adds a program.
  ///
  /// The file is replaced atomically, and only if it is valid with the new program.
  ///
  /// - Parameters:
  ///   - request: Source of the program.
  ///   - name: Name of the program; `nil` to derive it from the source.
  ///   - imageName: Name of the image; `nil` if the project has only one.
  /// - Throws: ``ProjectProblems`` if the file has errors, with or without the new program; ``ProjectFailure`` if the
  ///   request cannot be met or the file cannot be written.
  public func add(_ request: ProgramSourceRequest, name: String?, to imageName: String?) throws -> Added {
    let reader = ProjectReader()
    let before = try reader.read(file).project
    let image = try self.image(named: imageName, in: before)
    let keys = try request.keys(in: before.folder)
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = try insert(item(keys, name: name), into: text, image: image.name)
    let after = try reader.read(changed, as: file).project
    let added = try verify(after, against: before, image: image)
    try WholeFile.write(changed, to: file)
    return Added(image: image.name, program: added)
  }

  private func image(named name: String?, in project: ProjectDefinition) throws(ProjectFailure) -> ImageDefinition {
    let names = project.images.map(\.name)
    guard let name else {
      guard let only = project.images.first, names.count == 1 else {
        throw ProjectFailure(
          "the project has several images", remedy: "name one with --image: \(names.joined(separator: ", "))")
      }
      return only
    }
    guard let image = project.images.first(where: { $0.name == name }) else {
      throw ProjectFailure(
        "there is no image '\(name)'", remedy: NearestName.hint(for: name, among: names, kind: "images"))
    }
    return image
  }

  /// Returns the lines of a list item, without indentation.
  private func item(_ keys: JSONValue, name: String?) -> [String] {
    guard case .object(let entries) = keys else { return [] }
    var lines = entries.map { "\($0.key): \($0.value.inFlowYAML)" }
    if let name {
      lines.append("name: \(JSONValue.text(name).inFlowYAML)")
    }
    return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
  }

  /// Returns the text with an item appended to an image's programs.
  private func insert(_ item: [String], into text: String, image: String) throws(ProjectFailure) -> String {
    let source = SourceText(file: file, text: text)
    let images = YAMLDocument(source).root?.value(of: "images")
    guard case .list(let programs)? = images?.value(of: image)?.value(of: "programs")?.content,
      let last = programs.last, let indentation = source.indentation(ofItemAt: last.position)
    else {
      throw ProjectFailure(
        "cannot add to the programs of image '\(image)': they are not written one per line",
        remedy: "add the program yourself: `\(item.joined(separator: ", ").dropFirst(2))`")
    }
    let end = source.endOfItem(beginningIn: last.position.line, indentation: indentation)
    let lineBreak = text.contains("\r\n") ? "\r\n" : "\n"
    let addition = item.map { indentation + $0 + lineBreak }.joined()
    guard let place = SourceText.startOfLine(end + 1, in: text) else {
      return text + lineBreak + addition
    }
    return String(text[..<place]) + addition + String(text[place...])
  }

  /// Returns the new program if it is the only difference between two readings.
  ///
  /// The insertion works on lines of text. This check proves that the YAML parser reads them as intended.
  private func verify(
    _ after: ProjectDefinition, against before: ProjectDefinition, image: ImageDefinition
  ) throws(ProjectFailure) -> ProgramDefinition {
    let programs = after.images.first { $0.name == image.name }?.programs ?? []
    guard let added = programs.last, programs.count == image.programs.count + 1,
      after.images.map(\.programs.count).reduce(0, +) == before.images.map(\.programs.count).reduce(0, +) + 1,
      programs.dropLast().map(\.name) == image.programs.map(\.name)
    else {
      throw ProjectFailure(
        "cannot add the program to image '\(image.name)' without changing something else",
        remedy: "add it by hand; the image may share its programs with another image through an alias")
    }
    if let same = image.programs.first(where: { $0.source == added.source }) {
      throw ProjectFailure("image '\(image.name)' already has this program: '\(same.name)'")
    }
    return added
  }
}

extension SourceText {
  /// Returns the spaces before the hyphen of a list item; `nil` if the item does not begin its line.
  fileprivate func indentation(ofItemAt position: SourcePosition) -> String? {
    let before = line(position.line).prefix(position.column - 1)
    let blanks = before.prefix { $0 == " " }
    let rest = before.dropFirst(blanks.count)
    return rest.first == "-" && rest.dropFirst().allSatisfy { $0 == " " } ? String(blanks) : nil
  }

  /// Returns the number of the last line of a list item.
  ///
  /// Lines that are indented deeper than the hyphen belong to the item. Blank lines after them do not.
  fileprivate func endOfItem(beginningIn first: Int, indentation: String) -> Int {
    var end = first
    for number in (first + 1)..<max(lines.count + 1, first + 1) {
      let line = line(number)
      let content = line.drop { $0 == " " }
      if content.allSatisfy(\.isWhitespace) { continue }
      guard line.count - content.count > indentation.count else { break }
      end = number
    }
    return end
  }
}
