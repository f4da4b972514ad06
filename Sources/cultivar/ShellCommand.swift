import ArgumentParser
import Foundation
import HostSystem
import Project
import Subprocess
import SystemPackage

/// `cultivar shell`: looks around in a built root.
struct ShellCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell", abstract: "Open a shell in the root file system of a system.",
    discussion: """
      The root is built first. What the shell writes is dropped; it sees neither the network nor the build host's files.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var variables: SetOptions

  @Argument(help: "Image. May be left out where the project has one system.")
  var image: String?

  @Argument(parsing: .postTerminator, help: "A command to run in place of a shell, after `--`.")
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
            ? "a system has `profile` or `layers`" : "name one of them: \(systems.map(\.name).joined(separator: ", "))")
      }
      guard image.kind == .system else {
        throw ProjectFailure(
          "the image '\(image.name)' is an appliance, which has no shell", remedy: "look at it with `cultivar run`")
      }
      let system = try await session.system(of: image, set: variables.settings).system
      var status: Int32 = 0
      try await session.builder.withShell(image, system: system, command: command) { program, arguments, environment in
        status = try await start(program, arguments, environment)
      }
      if status != 0 { throw ExitCode(status) }
    }
  }

  /// Runs the program with this process's terminal.
  private func start(_ program: String, _ arguments: [String], _ environment: [String: String]) async throws -> Int32 {
    var variables: [Environment.Key: String] = [:]
    for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
    var platform = PlatformOptions()
    platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
    let configuration = Configuration(
      executable: .path(FilePath(program)), arguments: Arguments(arguments), environment: .custom(variables),
      platformOptions: platform)
    let result = try await Subprocess.run(
      configuration, input: .fileDescriptor(.standardInput, closeAfterSpawningProcess: false),
      output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
      error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false))
    if case .exited(let code) = result.terminationStatus { return Int32(code) }
    return 1
  }
}
