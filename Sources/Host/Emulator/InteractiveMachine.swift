import FoundationEssentials
import HostSystem
import Subprocess
import SystemPackage

extension VirtualMachine {
  /// Runs the machine with its serial console on the terminal, until it powers off, the user ends it with Ctrl-A X, or
  /// the time limit is reached.
  ///
  /// - Parameters:
  ///   - folder: Folder for the machine's own files.
  ///   - seconds: Time limit in seconds; `nil` for none.
  /// - Throws: ``EmulatorFailure``, `CommandFailure`.
  public func runOnTerminal(in folder: URL, for seconds: Int?) async throws {
    try FolderTree.create(folder.path)
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let platform = options
    try await withThrowingTaskGroup(of: CommandFailure?.self) { group in
      group.addTask {
        var starts = MachineStarts(of: self, in: folder)
        repeat {
          let arguments = try starts.arguments(isMultiplexed: true) + ["-mon", "chardev=console"]
          let configuration = Configuration(
            executable: .name(program.name), arguments: Arguments(arguments), platformOptions: platform)
          let status = try await Self.runOnTerminal(configuration, program)
          guard status.isSuccess else {
            let command = HostCommand(program, arguments, to: "run the image")
            return CommandFailure(command: command, outcome: .failed(status: "\(status)", said: ""))
          }
        } while starts.startsAgain(endsSilently: true)
        return nil
      }
      if let seconds {
        group.addTask {
          try await Task.sleep(for: .seconds(seconds))
          return nil
        }
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      if let failure = first { throw failure }
    }
  }

  /// Runs one process with the standard descriptors of this one.
  private static func runOnTerminal(
    _ configuration: Configuration, _ program: HostProgram
  ) async throws -> TerminationStatus {
    do {
      return try await Subprocess.run(
        configuration, input: .fileDescriptor(.standardInput, closeAfterSpawningProcess: false),
        output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
        error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
      ).terminationStatus
    } catch {
      try Task.checkCancellation()
      throw EmulatorFailure.noEmulator(program)
    }
  }
}
