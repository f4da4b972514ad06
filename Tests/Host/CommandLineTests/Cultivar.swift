import Foundation
import TestFixtures

/// The tested executable, run like a user does.
enum Cultivar {
  /// The result of a run.
  struct Outcome: Equatable {
    var status: Int32
    var output: String
    var errors = ""
  }

  /// Runs it to its end.
  static func run(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws -> Outcome {
    let process = Process()
    process.executableURL = BuiltTool.file
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    // Files instead of pipes, so that the program never blocks on a full pipe.
    let output = folder.appending(path: ".output")
    let errors = folder.appending(path: ".errors")
    process.standardOutput = try emptyFile(output)
    process.standardError = try emptyFile(errors)
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }

  private static func emptyFile(_ file: URL) throws -> FileHandle {
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }
}

/// Makes a new folder for a closure and removes it afterwards.
func withTemporaryFolder(_ work: (URL) throws -> Void) throws {
  let folder = ProcessFolder.newPlace("test")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try work(folder)
}
