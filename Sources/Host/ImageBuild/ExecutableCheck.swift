import ExecutableFormat
import FoundationEssentials
import HostSystem
import Project
import RootFilesystem

/// Checks that an image can run a program's executable.
struct ExecutableCheck {
  var program: ProgramDefinition
  var architecture: Architecture
  /// The root file system, including the program.
  var tree: FileTree

  /// Checks the executable at a path of the image. Does nothing if there is no file at the path.
  ///
  /// - Parameter shown: Path for messages: a file of the build host, or `place` itself.
  /// - Throws: ``ImageFailure/wrongExecutable(program:path:reason:position:)``, `FileFailure`.
  func check(_ place: String, shown: String) throws {
    func refuse(_ reason: String) -> ImageFailure {
      .wrongExecutable(program: program.name, path: shown, reason: reason, position: program.position)
    }
    guard let file = tree.resolve(place), case .file(let content) = tree[file]?.kind else { return }
    let bytes = try content.bytes()
    let headers: ELFFile?
    do {
      headers = try ELFFile(Data(bytes))
    } catch let failure as ELFFailure {
      throw refuse("is damaged: \(failure.reason)")
    }
    guard let headers else {
      guard let interpreter = Self.interpreter(bytes) else { throw refuse("is neither an ELF executable nor a script") }
      guard tree.resolve(interpreter) != nil else {
        throw refuse("is a script for \(interpreter), which is not in the image")
      }
      return
    }
    let wanted: ELFFile.Machine = architecture == .amd64 ? .x86_64 : .aarch64
    guard headers.machine == wanted else {
      throw refuse("is for \(headers.machine.title), but the image is for \(architecture.title)")
    }
    guard headers.isExecutable else { throw refuse("is a library, not an executable") }
  }

  /// The interpreter of a script; `nil` for a file that is not a script (execve(2), "Interpreter scripts").
  private static func interpreter(_ bytes: [UInt8]) -> String? {
    let line = bytes.prefix(256).prefix { $0 != 0x0a }
    guard line.starts(with: Array("#!".utf8)) else { return nil }
    return String(decoding: line.dropFirst(2), as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(
      String.init)
  }
}

extension ELFFile.Machine {
  /// Name of the machine for messages.
  fileprivate var title: String {
    switch self {
    case .x86_64: "x86-64"
    case .aarch64: "arm64"
    case .other(40, 32): "32-bit ARM"
    case .other(3, 32): "32-bit x86"
    case .other(let number, let bits): "another machine (number \(number), \(bits) bits)"
    }
  }
}
