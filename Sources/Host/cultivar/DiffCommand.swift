import ArgumentParser
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import ImageBuild
import Project

/// `cultivar diff`: shows what differs between two builds.
struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show the differences between two builds: packages, variables, sizes, files.",
    discussion: """
      A build is a folder with artefacts, or an image of the project (its last build). The command reads only \
      manifest.json and contents.json; the disk images are not needed.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "The earlier build: a folder, or an image.")
  var before: String

  @Argument(help: "The later build: a folder, or an image.")
  var after: String

  @Option(
    help: ArgumentHelp("Maximum number of files to show: those with the largest change of size.", valueName: "rows"))
  var limit = 40

  @Flag(help: "Write everything as JSON to standard output.")
  var json = false

  @Flag(help: "End with status 1 if there is a difference.")
  var exitCode = false

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit must be 0 or more") }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let difference = BuildDifference(from: try record(before), to: try record(after))
      if json {
        try ReadableJSON.print(difference)
      } else {
        print(difference.isEmpty ? "no difference" : difference.text(limit: limit) { ByteSize(bytes: $0).description })
      }
      if exitCode, !difference.isEmpty { throw ExitCode.failure }
    }
  }

  private func record(_ name: String) throws -> BuildRecord {
    guard name.contains("/") || FileManager.default.fileExists(atPath: name) else {
      return try BuildRecord(of: ProjectArtefacts(options).folder(of: name, in: nil))
    }
    let artefacts = ArtefactFolder(URL(fileURLWithPath: name), name: name)
    guard FileManager.default.fileExists(atPath: artefacts.manifest.path) else {
      throw FileFailure("read the build", name, reason: "the folder has no manifest.json")
    }
    return try BuildRecord(of: artefacts)
  }
}
