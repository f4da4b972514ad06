import FoundationEssentials
import Hashing
import HostSystem

/// A build of one executable with a language's own tools.
protocol LanguageBuild: Sendable {
  /// Returns everything that affects the result besides the content of ``inputs(scratch:)``: tool versions, flags,
  /// names.
  func definition() async throws -> [String]
  /// Builds the executable and returns its path.
  ///
  /// - Parameter scratch: Folder that is kept between builds, so that the tools build only the changed parts.
  func build(scratch: URL) async throws -> URL
  /// Returns the folders with sources of the build, except the language's own caches: the package's folder, and those
  /// of its local dependencies.
  func inputs(scratch: URL) async throws -> [String]
}

/// Runs a language's build if one of its inputs has changed, and keeps the executable.
struct IncrementalBuild {
  var cache: Cache

  /// The inputs and the result of the last build.
  private struct Record: Codable {
    var inputs: [String: Digest]
    var product: Digest
  }

  /// Returns the executable of a build.
  ///
  /// - Throws: ``ProgramFailure``, `CommandFailure`, `FileFailure`.
  func product(of build: some LanguageBuild) async throws -> URL {
    var key = CacheKey("program 2")
    key.add(try await build.definition())
    let recordFile = cache.folder.appending(path: "programs/\(key.hash.text).json")
    if let record = read(recordFile), isCurrent(record) {
      let product = cache.location("program", record.product).appending(path: "executable")
      _ = cache.take(recordFile)
      if cache.take(product.deletingLastPathComponent()) { return product }
    }
    let scratch = cache.folder.appending(path: "build/\(key.hash.text)")
    try FolderTree.create(scratch.path)
    _ = cache.take(scratch)
    // The hashes are taken before the build. If a file changes during the build, its hash differs the next time.
    var inputs: [String: Digest] = [:]
    for folder in try await build.inputs(scratch: scratch) { inputs[folder] = try SourceFolder.identity(folder) }
    let executable = try await build.build(scratch: scratch)
    let hash = try Digest(ofFile: executable.path)
    let stored = try await cache.result("program", hash) { folder in
      try FileManager.default.copyItem(at: executable, to: folder.appending(path: "executable"))
    }
    let record = Record(inputs: inputs, product: hash)
    try FolderTree.create(recordFile.deletingLastPathComponent().path)
    try FolderTree.replaceFile(recordFile.path, with: try JSONEncoder().encode(record))
    return stored.appending(path: "executable")
  }

  private func read(_ file: URL) -> Record? {
    (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(Record.self, from: $0) }
  }

  private func isCurrent(_ record: Record) -> Bool {
    record.inputs.allSatisfy { folder, hash in (try? SourceFolder.identity(folder)) == hash }
  }
}

/// The output of tools about their versions, cached while the program runs.
actor ToolVersions {
  private var known: [[String]: String] = [:]

  /// Returns a tool's standard output; `nil` if the tool is not installed.
  func output(_ tool: HostProgram, _ arguments: [String]) async throws -> String? {
    let command = [tool.name] + arguments
    if let output = known[command] { return output }
    do {
      let output = try await HostCommand(tool, arguments, to: "ask `\(command.joined(separator: " "))`").run()
      known[command] = output
      return output
    } catch let failure as CommandFailure {
      guard case .notFound = failure.outcome else { throw failure }
      return nil
    }
  }
}
