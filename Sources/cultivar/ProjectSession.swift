import ArgumentParser
import Foundation
import HostSystem
import ImageBuild
import Lock
import Project

/// What a command that builds has at hand: the project, its lock file, the cache, and a builder.
struct ProjectSession {
  let project: ProjectDefinition
  let builder: ImageBuilder
  let lock: ProjectLock
  let progress: BuildProgress

  /// Reads the project and opens everything.
  ///
  /// - Parameters:
  ///   - refresh: Whether what is locked is resolved anew.
  ///   - quiet: Whether progress is kept quiet.
  init(_ options: ProjectOptions, refresh: Bool = false, quiet: Bool) throws {
    let file = try options.file()
    let result = try ProjectReader().read(file)
    ProjectReporting.show(result.warnings)
    project = result.project
    let environment = ProcessInfo.processInfo.environment
    let cache = try Cache(at: Cache.defaultFolder(environment: environment))
    lock = try ProjectLock(file: project.folder.appending(path: "cultivar.lock"), refresh: refresh)
    progress = BuildProgress(style: BuildProgress.suitableStyle(quiet: quiet))
    let tool = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    builder = ImageBuilder(
      project: project, cache: cache, lock: lock,
      executables: DeviceExecutable(environment: environment, tool: tool), progress: progress,
      environment: environment)
  }

  /// The images that are named, or all of them where none is.
  func images(named names: [String]) throws -> [ImageDefinition] {
    try names.isEmpty ? project.images : names.map { try builder.image(named: $0) }
  }

  /// The folder of an image's artefacts.
  func artefacts(of image: ImageDefinition, in output: String?) -> ArtefactFolder {
    let base = output.map { URL(fileURLWithPath: $0) } ?? project.folder.appending(path: "build")
    return ArtefactFolder(base.appending(path: image.name), name: image.name)
  }

  /// Builds one image.
  ///
  /// - Parameter formats: What is written in addition to what the project asks for.
  func build(
    _ image: ImageDefinition, into artefacts: ArtefactFolder, formats: [ArtefactFormat] = []
  ) async throws -> BuildManifest {
    do {
      let manifest = try await builder.build(image, into: artefacts.folder, formats: formats)
      await progress.finish()
      return manifest
    } catch {
      await progress.finish()
      throw error
    }
  }
}
