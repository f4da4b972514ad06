import Foundation
import TestFixtures

/// The executable that is tested, as a user runs it.
enum Cultivar {
  /// What a run ended with.
  struct Outcome: Equatable {
    /// Exit status.
    var status: Int32
    /// Standard output.
    var output: String
    /// Standard error.
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
    // Files instead of pipes: what is written never waits for a reader.
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

/// A new folder that is removed after the work in it.
func withTemporaryFolder(_ work: (URL) throws -> Void) throws {
  let folder = ProcessFolder.newPlace("test")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try work(folder)
}
