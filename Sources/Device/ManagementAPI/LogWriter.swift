import DeviceModel
import FoundationEssentials
import Glibc
import InitClient
import LinuxSystem

/// Follows one program's output and writes it to rotated files on the data partition.
///
/// A file that lasts until the next boot holds the number of the next line, like the supervisor's own numbers. So after
/// a restart of the daemon the writer continues there, as far as the supervisor still has the lines.
public struct LogWriter: Sendable {
  /// Folder of the positions, below ``DevicePaths/run``. The supervisor makes it for the daemon's user.
  public static let positionFolder = DevicePaths.run + "/log-positions"
  /// Milliseconds to wait before the next connection to the supervisor.
  private static let pause: UInt32 = 1000

  let program: String
  let folder: String
  let positionPath: String
  let limits: LogFiles
  let socketPath: String

  /// - Parameters:
  ///   - program: The name of the program.
  ///   - limits: The maximum size of a file, and the number of files to keep.
  ///   - folder: The folder with the folders of all programs.
  ///   - positionFolder: The folder with the numbers of the next lines.
  ///   - socketPath: The path of the supervisor's socket.
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

  /// Writes until the process ends.
  ///
  /// - Parameter note: Receives the reason if nothing can be written at the moment.
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
      // Not synchronised, as the folder is in memory. If the process ends between the two writes, one part of the log
      // is written twice.
      let position = try Descriptor(opening: positionPath, O_WRONLY | O_CREAT | O_TRUNC)
      try position.write(all: Array("\(last.sequence + 1)\n".utf8))
    }
  }

  /// Formats lines for the file: time, `E` for standard error or `O` for standard output, and the text.
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
