import ArgumentParser
import FoundationEssentials
import HostSystem
import Project

/// `cultivar shell`: opens a shell in a built root file system.
struct ShellCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell", abstract: "Open a shell in the root file system of a system.",
    discussion: """
      Builds the root file system first. Changes are discarded at the end. The shell has no network and no access to \
      the build host's files.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var variables: SetOptions

  @Argument(help: "Image. Default: the only system of the project.")
  var image: String?

  @Argument(parsing: .postTerminator, help: "Command to run instead of a shell, after `--`.")
  var command: [String] = []

  func run() async throws {
    try await CommandErrors.shown {
      let session = try ProjectSession(options, quiet: false)
      let systems = session.project.images.filter { $0.kind == .system }
      let chosen = try image.map { [try session.builder.image(named: $0)] } ?? systems
      guard let image = chosen.first, chosen.count == 1 else {
        throw ProjectFailure(
          systems.isEmpty ? "the project has no system" : "the project has several systems",
          remedy: systems.isEmpty
            ? "an image with `profile` or `layers` is a system"
            : "name one of them: \(systems.map(\.name).joined(separator: ", "))")
      }
      guard image.kind == .system else {
        throw ProjectFailure(
          "the image '\(image.name)' is an appliance, which has no shell", remedy: "start it with `cultivar run`")
      }
      let system = try await session.system(of: image, set: variables.settings).system
      var status: Int32 = 0
      try await session.builder.withShell(image, system: system, command: command) { program, arguments, environment in
        status = try await TerminalProgram.run(program, arguments, environment: environment)
      }
      if status != 0 { throw ExitCode(status) }
    }
  }
}
