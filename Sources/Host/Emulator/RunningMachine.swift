import FoundationEssentials
import HostSystem
import Subprocess
import SystemPackage

/// A machine that runs without a terminal. Its console can be read and written, and its power button pressed.
public actor RunningMachine {
  private var text = ""
  private var hasEnded = false
  /// True once the machine was switched off by ``switchOff()``.
  private(set) var isSwitchedOff = false
  private let writer: @Sendable (String) async throws -> Void
  private let monitor: MachineMonitor
  private let clock = ContinuousClock()

  init(writer: @escaping @Sendable (String) async throws -> Void, monitor: MachineMonitor) {
    self.writer = writer
    self.monitor = monitor
  }

  /// The complete output of the console.
  public var console: String { text }

  /// True if the machine is off.
  public var isOff: Bool { hasEnded }

  /// The current end of the console's output, for ``wait(for:after:seconds:)``.
  public var mark: Int { text.utf8.count }

  /// Adds output of the console, without its carriage returns.
  func received(_ bytes: [UInt8]) { text += String(decoding: bytes.filter { $0 != 0x0d }, as: UTF8.self) }

  func ended() { hasEnded = true }

  /// Waits until the console shows a text.
  ///
  /// - Parameters:
  ///   - wanted: The text.
  ///   - mark: Position in the console's output at which the search begins.
  ///   - seconds: Maximum time to wait.
  /// - Returns: The console's output from the mark on.
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

  /// Types a command of `cultivarctl`, and returns its exit status and its output.
  ///
  /// - Throws: ``EmulatorFailure``.
  public func command(_ line: String, seconds: Int = 30) async throws -> (status: Int, output: String) {
    let start = mark
    try await type(line)
    // The console prints the exit status and then the prompt after the command has ended.
    let shown = try await wait(for: "[exit ", after: start, seconds: seconds)
    let settled = try await wait(for: "]\n", after: start, seconds: seconds)
    let output = settled.count > shown.count ? settled : shown
    guard let range = output.firstRange(of: "[exit "),
      let status = Int(output[range.upperBound...].prefix { $0.isNumber })
    else { throw EmulatorFailure.noControl("'\(line)' did not print its exit status") }
    return (status, String(output[..<range.lowerBound]))
  }

  public func pressPowerButton() async throws { try await monitor.send("system_powerdown") }

  /// Resets the machine at once, as its reset button does.
  public func reset() async throws { try await monitor.send("system_reset") }

  /// Saves the screen as a portable pixmap (`P6`). The machine needs a graphics card
  /// (``VirtualMachine/extraArguments``).
  ///
  /// - Parameter file: The file, whose path must not contain spaces. QEMU writes it shortly after this function
  ///   returns.
  /// - Throws: ``EmulatorFailure/noControl(_:)``.
  public func takePicture(to file: URL) async throws { try await monitor.send("screendump \(file.path)") }

  public func switchOff() async throws {
    isSwitchedOff = true
    try await monitor.send("quit")
  }
}

extension VirtualMachine {
  /// Starts the machine, runs a function with it, and ends the machine afterwards, also after an error.
  ///
  /// - Parameters:
  ///   - folder: Folder for the machine's own files; created if necessary.
  ///   - body: Closure that works with the machine.
  /// - Throws: The error of `body`; ``EmulatorFailure/noEmulator(_:)``.
  public func running<Value: Sendable>(
    in folder: URL, _ body: @Sendable @escaping (RunningMachine) async throws -> Value
  ) async throws -> Value {
    try FolderTree.create(folder.path)
    // The path of a Unix socket has a short limit, which the folder's path may exceed.
    let socket = FileManager.default.temporaryDirectory.appending(path: "cultivar-\(UUID().uuidString.prefix(8)).sock")
    defer { FolderTree.remove(socket.path) }
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let platform = options
    let console = ConsoleInput()
    let machine = RunningMachine(
      writer: { try await console.write($0) }, monitor: MachineMonitor(socket: socket.path))
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        var starts = MachineStarts(of: self, in: folder)
        repeat {
          let arguments =
            try starts.arguments(isMultiplexed: false) + ["-monitor", "unix:\(socket.path),server=on,wait=off"]
          let configuration = Configuration(
            executable: .name(program.name), arguments: Arguments(arguments), platformOptions: platform)
          let result = try await Subprocess.run(
            configuration, input: .inputWriter, output: .sequence, error: .combinedWithOutput
          ) { execution in
            let input = execution.standardInputWriter
            await console.set { line in _ = try await input.write(line) }
            for try await part in execution.standardOutput {
              await machine.received(part.withUnsafeBytes { Array($0) })
            }
            await console.set(nil)
            try await input.finish()
          }
          // A process that cannot start has written its reason to the console's output.
          if await machine.isSwitchedOff || !result.terminationStatus.isSuccess { break }
        } while starts.startsAgain(endsSilently: false)
        await machine.ended()
        return nil
      }
      group.addTask { try await body(machine) }
      var value: Value?
      while let next = try await group.next() {
        guard let next else { continue }
        value = next
        group.addTask {
          // The next process of a machine that restarts may not listen yet.
          while await !machine.isOff {
            try? await machine.switchOff()
            try await Task.sleep(for: .milliseconds(200))
          }
          return nil
        }
      }
      guard let value else { throw EmulatorFailure.noEmulator(program) }
      return value
    }
  }
}

/// The console's input, of the process that runs at the time.
private actor ConsoleInput {
  private var writer: (@Sendable (String) async throws -> Void)?

  func set(_ writer: (@Sendable (String) async throws -> Void)?) { self.writer = writer }

  /// Writes a line; it is lost while the machine restarts.
  func write(_ line: String) async throws { try await writer?(line) }
}
