import ArgumentParser
import FoundationEssentials
import Project

/// `cultivar check`: reads the project and shows every problem.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read the project file and its layers, and show all their problems.",
    discussion: "Nothing is run or fetched. The exit status is 0 without errors, 1 with errors.")

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Write the result as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let file = try options.file()
      do {
        let result = try ProjectReader().read(file)
        let library = try await SystemSession.library(for: result.project)
        let (found, systems) = SystemsCheck(library: library).run(
          result.project, environment: ProcessInfo.processInfo.environment)
        let problems = ProjectProblems(result.warnings + found)
        guard problems.errorCount == 0 else { throw problems }
        report(problems.diagnostics, result.project, systems)
      } catch let problems as ProjectProblems {
        guard json else { throw problems }
        print(summary(of: problems.diagnostics, project: nil).formatted)
        throw ExitCode.failure
      }
    }
  }

  private func report(
    _ warnings: [Diagnostic], _ project: ProjectDefinition, _ systems: [String: SystemReader.Result]
  ) {
    guard !json else {
      print(summary(of: warnings, project: project, systems).formatted)
      return
    }
    ProjectReporting.show(warnings)
    let images = project.images
    let problems = warnings.isEmpty ? "no problems" : ProjectReporting.count(warnings.count, "warning")
    let programs = images.reduce(0) { $0 + $1.programs.count }
    let layers = Set(systems.values.flatMap { $0.graph.nodes.map(\.name) }).count
    let counts = [
      ProjectReporting.count(images.count, "image"),
      images.contains { $0.kind == .appliance } ? ProjectReporting.count(programs, "program") : nil,
      images.contains { $0.kind == .system } ? ProjectReporting.count(layers, "layer") : nil,
    ]
    print("\(ProjectReader.fileName): \((counts.compactMap { $0 } + [problems]).joined(separator: ", "))")
  }

  private func summary(
    of diagnostics: [Diagnostic], project: ProjectDefinition?, _ systems: [String: SystemReader.Result] = [:]
  ) -> JSONValue {
    let images = project?.images.map { image -> JSONValue in
      [
        "name": .text(image.name), "device": .text(image.device.rawValue), "kind": .text(image.kind.rawValue),
        "programs": .array(image.programs.map { .text($0.name) }),
        "layers": .array((systems[image.name]?.graph.nodes ?? []).map { .text($0.name) }),
      ]
    }
    return [
      "valid": .truth(project != nil),
      "images": .array(images ?? []),
      "problems": .array(diagnostics.map(\.json)),
    ]
  }
}
