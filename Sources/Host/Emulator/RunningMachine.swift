import FoundationEssentials
import HostSystem
import Subprocess
import SystemPackage

/// A machine that runs without a terminal: its console can be read and written to, and its power button pressed.
public actor RunningMachine {
  private var text = ""
  private var hasEnded = false
  private let writer: @Sendable (String) async throws -> Void
  private let monitor: MachineMonitor
  private let clock = ContinuousClock()

  init(writer: @escaping @Sendable (String) async throws -> Void, monitor: MachineMonitor) {
    self.writer = writer
    self.monitor = monitor
  }

  /// All that the console has shown.
  public var console: String { text }

  /// Whether the machine is off.
  public var isOff: Bool { hasEnded }

  /// Where the console is now, for waiting for what comes after.
  public var mark: Int { text.utf8.count }

  /// Takes what the console showed, without its carriage returns.
  func received(_ bytes: [UInt8]) { text += String(decoding: bytes.filter { $0 != 0x0d }, as: UTF8.self) }

  func ended() { hasEnded = true }

  /// Waits until the console shows a text.
  ///
  /// - Parameters:
  ///   - wanted: The text.
  ///   - mark: What the console showed before does not count.
  ///   - seconds: Longest time to wait.
  /// - Returns: What the console shows from the mark on.
  /// - Throws: ``EmulatorFailure/timedOut(waitingFor:seconds:console:)``, ``EmulatorFailure/ended(console:)``.
  @discardableResult
  public func wait(for wanted: String, after mark: Int = 0, seconds: Int) async throws -> String {
    let deadline = clock.now.advanced(by: .seconds(seconds))
    while true {
      let shown = String(decoding: text.utf8.dropFirst(mark), as: UTF8.self)
      if shown.contains(wanted) { return shown }
      if hasEnded { throw EmulatorFailure.ended(console: text) }
      if clock.now > deadline {
        throw EmulatorFailure.timedOut(waitingFor: wanted, seconds: seconds, console: text)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Waits until the machine is off.
  ///
  /// - Throws: ``EmulatorFailure/timedOut(waitingFor:seconds:console:)``.
  public func waitUntilOff(seconds: Int) async throws {
    let deadline = clock.now.advanced(by: .seconds(seconds))
    while !hasEnded {
      if clock.now > deadline {
        throw EmulatorFailure.timedOut(waitingFor: "the end of the machine", seconds: seconds, console: text)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Types a line on the console.
  public func type(_ line: String) async throws {
    try await writer(line + "\n")
  }

  /// Types a command of `cultivarctl` and gives what it prints, with its exit status.
  ///
  /// - Throws: ``EmulatorFailure``.
  public func command(_ line: String, seconds: Int = 30) async throws -> (status: Int, output: String) {
    let start = mark
    try await type(line)
    // The console shows the prompt only once the command has ended and said its status.
    let shown = try await wait(for: "[exit ", after: start, seconds: seconds)
    let settled = try await wait(for: "]\n", after: start, seconds: seconds)
    let output = settled.count > shown.count ? settled : shown
    guard let range = output.firstRange(of: "[exit "),
      let status = Int(output[range.upperBound...].prefix { $0.isNumber })
    else { throw EmulatorFailure.noControl("«\(line)» did not say its exit status") }
    return (status, String(output[..<range.lowerBound]))
  }

  /// Presses the power button.
  public func pressPowerButton() async throws { try await monitor.send("system_powerdown") }

  /// Resets the machine as its button would, without asking what runs.
  public func reset() async throws { try await monitor.send("system_reset") }

  /// Writes what the screen shows into a file, as a portable pixmap (`P6`). The machine needs a graphics card for that
  /// (``VirtualMachine/extraArguments``).
  ///
  /// - Parameter file: The file, whose path has no blanks; QEMU has written it shortly after this returns.
  /// - Throws: ``EmulatorFailure/noControl(_:)``.
  public func takePicture(to file: URL) async throws { try await monitor.send("screendump \(file.path)") }

  /// Ends the machine at once.
  public func switchOff() async throws { try await monitor.send("quit") }
}

extension VirtualMachine {
  /// Starts the machine, lends it to a function, and ends it afterwards, whatever happens.
  ///
  /// - Parameters:
  ///   - folder: Folder for the machine's own files; made if need be.
  ///   - body: Works with the machine.
  /// - Throws: What the function throws; ``EmulatorFailure/noEmulator(_:)``.
  public func running<Value: Sendable>(
    in folder: URL, _ body: @Sendable @escaping (RunningMachine) async throws -> Value
  ) async throws -> Value {
    try FolderTree.create(folder.path)
    // The path of a unix socket is short; the folder's may not be.
    let socket = FileManager.default.temporaryDirectory.appending(path: "cultivar-\(UUID().uuidString.prefix(8)).sock")
    defer { FolderTree.remove(socket.path) }
    let arguments =
      try arguments(in: folder) + [
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-monitor",
        "unix:\(socket.path),server=on,wait=off",
      ]
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let configuration = Configuration(
      executable: .name(program.name), arguments: Arguments(arguments), platformOptions: options)
    let result = try await Subprocess.run(
      configuration, input: .inputWriter, output: .sequence, error: .combinedWithOutput
    ) { execution in
      let input = execution.standardInputWriter
      let machine = RunningMachine(
        writer: { line in _ = try await input.write(line) }, monitor: MachineMonitor(socket: socket.path))
      return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
          for try await part in execution.standardOutput {
            await machine.received(part.withUnsafeBytes { Array($0) })
          }
          await machine.ended()
          return nil
        }
        group.addTask { try await body(machine) }
        var value: Value?
        while let next = try await group.next() {
          guard let next else { continue }
          value = next
          if await !machine.isOff { try? await machine.switchOff() }
        }
        try await input.finish()
        guard let value else { throw EmulatorFailure.noEmulator(program) }
        return value
      }
    }
    return result.closureResult
  }
}
