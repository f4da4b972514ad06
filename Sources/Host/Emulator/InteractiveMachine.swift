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
    let arguments =
      try arguments(in: folder) + ["-chardev", "stdio,id=console,mux=on,signal=off"]
      + ["-serial", "chardev:console", "-mon", "chardev=console"]
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let configuration = Configuration(
      executable: .name(program.name), arguments: Arguments(arguments), platformOptions: options)
    try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
      group.addTask {
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
      if let seconds {
        group.addTask {
          try await Task.sleep(for: .seconds(seconds))
          return nil
        }
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      if let status = first, !status.isSuccess {
        let command = HostCommand(program, arguments, to: "run the image")
        throw CommandFailure(command: command, outcome: .failed(status: "\(status)", said: ""))
      }
    }
  }
}
