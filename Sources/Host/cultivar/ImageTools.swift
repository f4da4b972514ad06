import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Project

/// The tools that make images, for commands that do not build.
enum ImageTools {
  /// Returns the tools of the project around the current folder, or of the user's own lock file if there is no project.
  ///
  /// - Throws: `MissingPrograms`, `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  static func find(_ options: ProjectOptions) async throws -> ToolTree {
    try DebianArchive.checkTools()
    if options.project != nil || (try? options.file()) != nil {
      return try await ProjectSession(options, quiet: true).builder.tools()
    }
    let environment = ProcessInfo.processInfo.environment
    let cache = try Cache.ofUser(environment)
    let mirror = Mirror.choose(project: (nil, nil), environment: environment, aptSources: Mirror.hostAptSources())
    let lock = try ProjectLock(file: cache.folder.appending(path: "tools.lock"))
    return try await ToolTree(archive: DebianArchive(cache: cache, mirror: mirror, lock: lock), cache: cache)
  }
}
