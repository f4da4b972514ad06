import ArgumentParser
import FoundationEssentials
import HostSystem
import ImageBuild
import Lock
import Programs
import Project

/// The resources of a command that builds: the project, its lock file, the cache, and a builder.
struct ProjectSession {
  let project: ProjectDefinition
  let builder: ImageBuilder
  let lock: ProjectLock
  let cache: Cache
  let progress: BuildProgress

  /// Reads the project and opens its lock file and the cache.
  ///
  /// - Parameters:
  ///   - mode: The way the build uses the lock file.
  ///   - quiet: True to show no progress.
  ///   - verbose: True to show details of the build as well.
  init(_ options: ProjectOptions, mode: LockMode = .kept, quiet: Bool, verbose: Bool = false) throws {
    let file = try options.file()
    let result = try ProjectReader().read(file)
    ProjectReporting.show(result.warnings)
    project = result.project
    let environment = ProcessInfo.processInfo.environment
    cache = try Cache.ofUser(environment)
    lock = try ProjectLock(file: project.folder.appending(path: "cultivar.lock"), mode: mode)
    progress = BuildProgress(style: BuildProgress.suitableStyle(quiet: quiet), isDetailed: verbose)
    builder = ImageBuilder(
      project: project, cache: cache, lock: lock,
      executables: DeviceExecutable(environment: environment, tool: .runningTool), progress: progress,
      environment: environment)
  }

  /// Returns the images with the given names, or all images if no name is given.
  func images(named names: [String]) throws -> [ImageDefinition] {
    try names.isEmpty ? project.images : names.map { try builder.image(named: $0) }
  }

  /// Reads a system. Fetches and locks the layers of git repositories, and shows warnings.
  ///
  /// - Parameters:
  ///   - settings: Values of `--set`.
  ///   - needsSecrets: True if a secret that is missing in the environment is an error.
  func system(
    of image: ImageDefinition, set settings: [String: String] = [:], needsSecrets: Bool = true
  ) async throws -> SystemReader.Result {
    let environment = ProcessInfo.processInfo.environment
    let library = LayerLibrary(
      builtIn: LayerLibrary.builtInFolder(environment: environment, tool: .runningTool),
      checkouts: try await fetchLayers())
    let result = try SystemReader(library: library).read(
      image, of: project, set: settings, environment: environment, needsSecrets: needsSecrets)
    ProjectReporting.show(result.warnings)
    return result
  }

  /// Fetches the layers of git repositories, and locks their commits.
  @discardableResult
  func fetchLayers() async throws -> [String: LayerLibrary.Checkout] {
    try await LayerCheckouts(cache: cache, lock: lock).fetch(project.layers)
  }

  /// Returns the folder of an image's artefacts.
  func artefacts(of image: ImageDefinition, in output: String?) -> ArtefactFolder {
    let base = output.map { URL(fileURLWithPath: $0) } ?? project.folder.appending(path: "build")
    return ArtefactFolder(base.appending(path: image.name), name: image.name)
  }

  /// Resolves the packages and commits of all images, without building them.
  func resolve() async throws {
    do {
      try await fetchLayers()
      for image in project.images {
        // The packages of a system may depend on variables, but not on secrets.
        let system = image.kind == .system ? try await system(of: image, needsSecrets: false).system : nil
        try await builder.resolve(image, system: system)
      }
      try cache.synchronise()
      await progress.finish()
    } catch {
      await progress.finish()
      throw error
    }
  }

  /// Builds an image.
  ///
  /// - Parameters:
  ///   - settings: Values of `--set`, for a system.
  ///   - request: Artefacts to write in addition to the project's.
  func build(
    _ image: ImageDefinition, into artefacts: ArtefactFolder, set settings: [String: String] = [:],
    _ request: ArtefactRequest = ArtefactRequest()
  ) async throws -> BuildManifest {
    do {
      let system = image.kind == .system ? try await system(of: image, set: settings).system : nil
      let manifest = try await builder.build(image, system: system, into: artefacts.folder, request)
      try cache.synchronise()
      await progress.finish()
      return manifest
    } catch {
      await progress.finish()
      throw error
    }
  }
}
