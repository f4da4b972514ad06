import ArgumentParser
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import ImageBuild
import Project
import SizeReport

/// `cultivar size`: shows the largest parts of a built image.
struct SizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "size", abstract: "Show the sizes of files in an image: by origin, by folder, and the largest files.",
    discussion: "Reads contents.json of the last build of the image. Builds nothing.")

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Image. Default: the only one of the project.")
  var image: String?

  @Option(help: ArgumentHelp("Depth of the folders to list.", valueName: "folders"))
  var depth = 3

  @Option(help: ArgumentHelp("Maximum number of rows of each part.", valueName: "rows"))
  var limit = 12

  @Flag(help: "Write the report as JSON to standard output.")
  var json = false

  @Option(help: ArgumentHelp("Write a page with treemaps, for a browser.", valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Folder of the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  func validate() throws {
    guard depth >= 1 else { throw ValidationError("--depth must be 1 or more") }
    guard limit >= 1 else { throw ValidationError("--limit must be 1 or more") }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let artefacts = try ProjectArtefacts(options).folder(of: image, in: output)
      let listing = try artefacts.readContents()
      if let html {
        let page = TreemapPage(listing) { ByteSize(bytes: $0).description }
        try FolderTree.replaceFile(html, with: page.html.utf8)
      }
      let report = SizeReport(listing, depth: depth, limit: limit)
      if json {
        try ReadableJSON.print(report)
      } else if html == nil {
        print(report.text(limit: limit) { ByteSize(bytes: $0).description })
      }
    }
  }
}

/// Finds the built artefacts of a project, without a builder.
struct ProjectArtefacts {
  private let project: ProjectDefinition

  init(_ options: ProjectOptions) throws {
    project = try ProjectReader().read(try options.file()).project
  }

  /// Names of the project's images, in the order of the project file.
  var imageNames: [String] { project.images.map(\.name) }

  /// Returns the folder of an image's artefacts.
  ///
  /// - Parameters:
  ///   - name: Name of the image; `nil` for the project's only image.
  ///   - output: Folder of all artefacts; `nil` for `build/`.
  func folder(of name: String?, in output: String?) throws -> ArtefactFolder {
    let names = project.images.map(\.name)
    guard let image = name ?? (names.count == 1 ? names.first : nil) else {
      throw ProjectFailure(
        "the project has several images", remedy: "name one of them: \(names.joined(separator: ", "))")
    }
    guard names.contains(image) else { throw ImageFailure.noImage(image, available: names) }
    let base = output.map { URL(fileURLWithPath: $0) } ?? project.folder.appending(path: "build")
    return ArtefactFolder(base.appending(path: image), name: image)
  }
}
