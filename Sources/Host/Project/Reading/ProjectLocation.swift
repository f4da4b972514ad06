import FoundationEssentials

/// The search for the project file of a command.
public enum ProjectLocation {
  /// Returns the project file.
  ///
  /// - Parameters:
  ///   - given: Folder or file of the project, as the user named it; `nil` to search the current folder and the folders
  ///     above it.
  ///   - folder: The current folder.
  /// - Throws: ``ProjectFailure`` if there is none.
  public static func find(_ given: String?, from folder: URL) throws(ProjectFailure) -> URL {
    guard let given else { return try search(upwardsFrom: folder) }
    let url = folder.file(at: given)
    switch ProjectReader.kindOnDisk(url) {
    case .file:
      return url
    case .folder:
      let file = url.appending(path: ProjectReader.fileName)
      guard ProjectReader.kindOnDisk(file) == .file else {
        throw ProjectFailure(
          "the folder \(given) has no \(ProjectReader.fileName)",
          remedy: "name the folder or file of a project with --project")
      }
      return file
    case .special:
      throw ProjectFailure(
        "\(given) is a pipe, socket or device", remedy: "name the folder or file of a project with --project")
    case .missing:
      throw ProjectFailure(
        "there is no file or folder \(given)", remedy: "name the folder or file of a project with --project")
    }
  }

  private static func search(upwardsFrom folder: URL) throws(ProjectFailure) -> URL {
    var current = folder.standardizedFileURL
    while true {
      let file = current.appending(path: ProjectReader.fileName)
      if ProjectReader.kindOnDisk(file) == .file { return file }
      let parent = current.deletingLastPathComponent().standardizedFileURL
      guard parent.path != current.path, current.path != "/" else { break }
      current = parent
    }
    throw ProjectFailure(
      "there is no \(ProjectReader.fileName) in \(folder.path) or above it",
      remedy: "go to a project, name one with --project, or make one: `cultivar new DIR`")
  }
}
