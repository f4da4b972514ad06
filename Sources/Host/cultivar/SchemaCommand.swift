import ArgumentParser
import FoundationEssentials
import Project

/// `cultivar schema`: writes the schema or the reference of the project file or the layer file.
struct SchemaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Write the JSON Schema of a project or layer file, for editors.",
    discussion: """
      An editor with a YAML language server completes and checks cultivar.yaml if the file's first line is \
      `# yaml-language-server: $schema=PATH`.
      """)

  /// The files that have a schema.
  enum FileKind: String, ExpressibleByArgument, CaseIterable {
    /// `cultivar.yaml`
    case project
    /// `layer.yaml`
    case layer
  }

  /// The output formats.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    /// A JSON Schema, for editors.
    case json
    /// A reference page, for users.
    case markdown
  }

  @Argument(help: "The kind of file.")
  var kind = FileKind.project

  @Option(help: "A schema (json) or a reference page (markdown).")
  var format = Format.json

  @Option(help: ArgumentHelp("Folder to write to. Default: standard output.", valueName: "dir"))
  var output: String?

  func run() async throws {
    let (name, text) =
      switch (kind, format) {
      case (.project, .json): (JSONSchema.fileName, JSONSchema.project.formatted + "\n")
      case (.project, .markdown): ("project-file.md", FileReference.page)
      case (.layer, .json): (JSONSchema.layerFileName, JSONSchema.layer.formatted + "\n")
      case (.layer, .markdown): ("layer-file.md", FileReference.layerPage)
      }
    try ProjectReporting.run {
      guard let output else {
        print(text, terminator: "")
        return
      }
      let folder = URL(fileURLWithPath: output, relativeTo: .currentFolder)
      try WholeFile.write(text, to: folder.appending(path: name))
      print(folder.appending(path: name).path)
    }
  }
}
