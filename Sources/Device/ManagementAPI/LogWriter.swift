import DeviceModel
import FoundationEssentials
import Glibc
import InitClient
import LinuxSystem

/// Follows one program's output and writes it to rotated files on the data partition.
///
/// The number of the next line is kept in a file that lives until the next boot, as the supervisor's numbers do: after its
/// own restart the writer goes on where it was, as far as the supervisor still has the lines.
public struct LogWriter: Sendable {
  /// Folder of the positions, below ``DevicePaths/run``; the supervisor makes it for the daemon's user.
  public static let positionFolder = DevicePaths.run + "/log-positions"
  /// Milliseconds before the supervisor is asked again after a connection ended.
  private static let pause: UInt32 = 1000

  let program: String
  let folder: String
  let positionPath: String
  let limits: LogFiles
  let socketPath: String

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - program: the program's name.
  ///   - limits: when a file is closed and how many are kept.
  ///   - folder: the folder with all programs' folders.
  ///   - positionFolder: where the number of the next line is kept.
  ///   - socketPath: the supervisor's socket.
  public init(
    program: String, limits: LogFiles, folder: String = DevicePaths.logs, positionFolder: String = positionFolder,
    socketPath: String = DevicePaths.controlSocket
  ) {
    self.program = program
    self.limits = limits
    self.folder = folder + "/" + program
    positionPath = positionFolder + "/" + program
    self.socketPath = socketPath
  }

  /// Writes for as long as the process lives.
  ///
  /// - Parameter note: is told why nothing can be written at the moment.
  public func run(note: (String) -> Void) -> Never {
    while true {
      do {
        try follow()
      } catch {
        note("log of \(program): \(error)")
      }
      usleep(Self.pause * 1000)
    }
  }

  /// Follows the output until the connection ends.
  func follow() throws {
    let client = try ControlClient(path: socketPath)
    let position = FileTree.line(positionPath).flatMap { UInt64($0) }
    try client.send(.logs(program: program, from: position, last: nil, follow: true))
    var file = try RotatedFile(folder: folder, name: "log", limits: limits)
    while case .log(let part) = try client.reply() {
      try file.append(Self.text(of: part))
      guard let last = part.lines.last else { continue }
      // Not synchronised: the folder is in memory. Ending between the two writes repeats one part of the log.
      let position = try Descriptor(opening: positionPath, O_WRONLY | O_CREAT | O_TRUNC)
      try position.write(all: Array("\(last.sequence + 1)\n".utf8))
    }
  }

  /// The lines as they stand in the file: time, `E` for standard error or `O`, and the text.
  static func text(of part: LogPart) -> [UInt8] {
    var text = part.missed > 0 ? "\(part.missed) lines were lost here\n" : ""
    for line in part.lines {
      let milliseconds = String(1000 + line.time % 1000).dropFirst()
      let time = Clock.text(seconds: Int(line.time / 1000)).dropLast() + ".\(milliseconds)Z"
      text += "\(time) \(line.stream == .error ? "E" : "O") \(line.text)\n"
    }
    return Array(text.utf8)
  }
}
