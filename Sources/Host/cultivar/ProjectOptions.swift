import ArgumentParser
import FoundationEssentials
import Project

/// The options of every command that works on a project.
struct ProjectOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder or file of the project. Default: the current folder, or the nearest one above it with cultivar.yaml.",
      valueName: "path"))
  var project: String?

  /// Returns the project file.
  ///
  /// - Throws: ``ProjectFailure`` if there is none.
  func file() throws(ProjectFailure) -> URL {
    try ProjectLocation.find(project, from: .currentFolder)
  }
}

extension URL {
  /// The current working directory.
  static var currentFolder: URL {
    URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
  }
}
