import FoundationEssentials
import Glibc

/// A template for a new project.
public enum ProjectTemplate: String, Sendable, CaseIterable {
  /// An appliance with a small web server in Swift.
  case appliance
  /// A Debian system with a web server.
  case system
}

/// The creation of new projects.
public enum ProjectCreation {
  /// Creates a project.
  ///
  /// The files are written to a temporary folder beside the target, which is then renamed to the target. An error or a
  /// power cut never leaves an incomplete project under its name.
  ///
  /// - Parameters:
  ///   - template: Template of the project.
  ///   - folder: Folder of the project, which must be missing or empty. Its name becomes the name of the project.
  /// - Throws: ``ProjectFailure`` if the folder is in use, its name is not valid for a project, or it cannot be
  ///   written.
  public static func create(_ template: ProjectTemplate, at folder: URL) throws(ProjectFailure) {
    let name = try projectName(for: folder)
    let existing = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    guard existing?.isEmpty ?? (ProjectReader.kindOnDisk(folder) == .missing) else {
      throw ProjectFailure(
        "cannot make a project in \(folder.path): it is not an empty folder",
        remedy: "choose a folder that is empty or does not exist")
    }
    let beside = folder.deletingLastPathComponent()
      .appending(path: ".\(folder.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)")
    do throws(ProjectFailure) {
      for (path, text) in template.files(projectName: name) {
        try WholeFile.write(text, to: beside.appending(path: path))
      }
      // rename(2) replaces a missing or empty folder, and fails if the folder has been filled in the meantime.
      guard rename(beside.path, folder.path) == 0 else {
        throw ProjectFailure("cannot make the folder \(folder.path): \(String(cString: strerror(errno)))")
      }
    } catch {
      try? FileManager.default.removeItem(at: beside)
      throw error
    }
  }

  private static func projectName(for folder: URL) throws(ProjectFailure) -> String {
    let name = folder.lastPathComponent.lowercased()
      .replacing("_", with: "-").replacing(" ", with: "-")
    guard name.isWhole(Shape<String>.namePattern) else {
      throw ProjectFailure(
        "'\(name)' is not a valid project name",
        remedy: "choose a folder name that begins with a letter and has only letters, digits and hyphens")
    }
    return name
  }
}

extension ProjectTemplate {
  /// Returns the files of the template by relative path.
  fileprivate func files(projectName: String) -> [(path: String, text: String)] {
    switch self {
    case .appliance:
      [
        (ProjectReader.fileName, ApplianceTemplate.projectFile(name: projectName)),
        ("README.md", ApplianceTemplate.readme(name: projectName)),
        (".gitignore", ApplianceTemplate.ignoredFiles),
        (".cultivar/schema/\(JSONSchema.fileName)", JSONSchema.project.formatted + "\n"),
        ("hello/Package.swift", ApplianceTemplate.packageManifest),
        ("hello/Sources/hello/main.swift", ApplianceTemplate.program),
      ]
    case .system:
      [
        (ProjectReader.fileName, SystemTemplate.projectFile(name: projectName)),
        ("README.md", SystemTemplate.readme(name: projectName)),
        (".gitignore", ApplianceTemplate.ignoredFiles),
        (".cultivar/schema/\(JSONSchema.fileName)", JSONSchema.project.formatted + "\n"),
        ("layers/site/layer.yaml", SystemTemplate.siteLayer),
        ("layers/site/index.html", SystemTemplate.page(name: projectName)),
        ("layers/development/layer.yaml", SystemTemplate.developmentLayer),
      ]
    }
  }
}
