import ArgumentParser
import Foundation
import Project

/// `cultivar check`: reads the project and shows every problem.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read the project file and show all its problems.",
    discussion: "Nothing is run or fetched. The exit status is 0 without errors, 1 with errors.")

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Write the result as JSON to standard output.")
  var json = false

  func run() async throws {
    try ProjectReporting.run {
      let file = try options.file()
      do throws(ProjectProblems) {
        let result = try ProjectReader().read(file)
        report(result)
      } catch {
        guard json else { throw error }
        print(summary(of: error.diagnostics, project: nil).formatted)
        throw ExitCode.failure
      }
    }
  }

  private func report(_ result: ProjectReader.Result) {
    guard !json else {
      print(summary(of: result.warnings, project: result.project).formatted)
      return
    }
    ProjectReporting.show(result.warnings)
    let images = result.project.images
    let problems = result.warnings.isEmpty ? "no problems" : ProjectReporting.count(result.warnings.count, "warning")
    let programs = images.reduce(0) { $0 + $1.programs.count }
    print(
      """
      \(ProjectReader.fileName): \(ProjectReporting.count(images.count, "image")), \
      \(ProjectReporting.count(programs, "program")), \(problems)
      """)
  }

  private func summary(of diagnostics: [Diagnostic], project: ProjectDefinition?) -> JSONValue {
    let images = project?.images.map { image -> JSONValue in
      [
        "name": .text(image.name), "device": .text(image.device),
        "programs": .array(image.programs.map { .text($0.name) }),
      ]
    }
    return [
      "valid": .truth(project != nil),
      "images": .array(images ?? []),
      "problems": .array(diagnostics.map(\.json)),
    ]
  }
}
