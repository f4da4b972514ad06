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
  let cache: Cache
  let progress: BuildProgress

  /// Reads the project and opens everything.
  ///
  /// - Parameters:
  ///   - mode: What of the lock file counts.
  ///   - quiet: Whether progress is kept quiet.
  init(_ options: ProjectOptions, mode: LockMode = .kept, quiet: Bool) throws {
    let file = try options.file()
    let result = try ProjectReader().read(file)
    ProjectReporting.show(result.warnings)
    project = result.project
    let environment = ProcessInfo.processInfo.environment
    cache = try Cache.ofUser(environment)
    lock = try ProjectLock(file: project.folder.appending(path: "cultivar.lock"), mode: mode)
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

  /// Looks up the packages and commits of all images; nothing is built.
  func resolve() async throws {
    do {
      for image in project.images { try await builder.resolve(image) }
      await progress.finish()
    } catch {
      await progress.finish()
      throw error
    }
  }

  /// Builds one image.
  func build(_ image: ImageDefinition, into artefacts: ArtefactFolder) async throws -> BuildManifest {
    do {
      let manifest = try await builder.build(image, into: artefacts.folder)
      await progress.finish()
      return manifest
    } catch {
      await progress.finish()
      throw error
    }
  }
}
