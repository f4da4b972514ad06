import FoundationEssentials
import HostSystem

/// How a language's own tools make one executable.
protocol LanguageBuild: Sendable {
  /// All that decides the result besides the content of ``inputs(scratch:)``: tool versions, flags, names.
  func definition() async throws -> [String]
  /// Builds, and gives the path of the executable.
  ///
  /// - Parameter scratch: Folder that is kept from build to build, so that the tools build only what changed.
  func build(scratch: URL) async throws -> URL
  /// Folders with sources that the build reads, outside the caches of the language: the package's own, and those of
  /// packages that it names by path.
  func inputs(scratch: URL) async throws -> [String]
}

/// Runs a language's build when something that it depends on has changed, and keeps the executable.
struct IncrementalBuild {
  var cache: Cache

  /// What is known of the last build.
  private struct Record: Codable {
    var inputs: [String: ContentHash]
    var product: ContentHash
  }

  /// Gives the executable of a build.
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
    // Before the build: what is changed while it runs has another hash the next time, and is built then.
    var inputs: [String: ContentHash] = [:]
    for folder in try await build.inputs(scratch: scratch) { inputs[folder] = try SourceFolder.identity(folder) }
    let executable = try await build.build(scratch: scratch)
    let hash = try ContentHash(ofFile: executable.path)
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

/// What tools say of themselves, asked once in a run.
actor ToolVersions {
  private var known: [[String]: String] = [:]

  /// What a tool prints on standard output; `nil` where it is not there.
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
