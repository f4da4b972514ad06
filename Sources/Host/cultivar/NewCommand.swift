import ArgumentParser
import FoundationEssentials
import HostSystem
import Project

/// `cultivar new`: makes a new project.
struct NewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a small project that builds.",
    discussion: "Makes the folder if it does not exist. Refuses a folder that is not empty.")

  @Argument(
    help: ArgumentHelp("Folder of the new project. Its name becomes the name of the project.", valueName: "dir"))
  var folder: String

  @Option(help: "The project to begin with: an appliance in Swift, or a Debian system with a web server.")
  var template = ProjectTemplate.appliance

  func run() async throws {
    try ProjectReporting.run {
      let target = URL(fileURLWithPath: folder, isDirectory: true, relativeTo: .currentFolder).standardizedFileURL
      try ProjectCreation.create(template, at: target)
      print(
        """
        made the project in \(folder)
          cd \(folder.allSatisfy { $0.isLetter || $0.isNumber || "-_./".contains($0) } ? folder : folder.quotedForShell)
          cultivar check
          cultivar build
        """)
    }
  }
}

extension ProjectTemplate: ExpressibleByArgument {}
