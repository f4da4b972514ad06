import ArgumentParser
import FoundationEssentials
import Project

/// The options of every command that works on a project.
struct ProjectOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder or file of the project. Left out: the current folder, or the nearest one above it with cultivar.yaml.",
      valueName: "path"))
  var project: String?

  /// The project file.
  ///
  /// - Throws: ``ProjectFailure`` where there is none.
  func file() throws(ProjectFailure) -> URL {
    try ProjectLocation.find(project, from: .currentFolder)
  }
}

extension URL {
  /// The folder that the user stands in.
  static var currentFolder: URL {
    URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
  }
}
