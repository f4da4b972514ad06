import FoundationEssentials
import HostSystem
import Lock
import Programs
import Project

/// The resources of a command that reads systems: the project and its layers. Nothing is fetched.
struct SystemSession {
  let project: ProjectDefinition
  let library: LayerLibrary

  /// Reads the project.
  init(_ options: ProjectOptions) async throws {
    let result = try ProjectReader().read(try options.file())
    ProjectReporting.show(result.warnings)
    project = result.project
    library = try await Self.library(for: project)
  }

  /// Returns the systems with the given names, or all systems if no name is given.
  func images(named names: [String]) throws -> [ImageDefinition] {
    guard !names.isEmpty else { return project.images.filter { $0.kind == .system } }
    return try names.map { name in
      guard let image = project.images.first(where: { $0.name == name }) else {
        throw ProjectFailure(
          "the project has no image '\(name)'",
          remedy: "images: \(project.images.map(\.name).joined(separator: ", "))")
      }
      return image
    }
  }

  /// Reads a system, and shows warnings.
  func read(_ image: ImageDefinition, set settings: [String: String] = [:]) throws -> SystemReader.Result {
    let result = try SystemReader(library: library).read(
      image, of: project, set: settings, environment: ProcessInfo.processInfo.environment, needsSecrets: false)
    ProjectReporting.show(result.warnings)
    return result
  }

  /// Returns the layers that the current project can use, or the built-in ones outside a project.
  static func catalogue(_ options: ProjectOptions) async throws -> LayerCatalogue {
    let file = options.project == nil ? try? options.file() : try options.file()
    let project = try file.map { try ProjectReader().read($0).project }
    return LayerCatalogue(project: project, library: try await library(for: project), folder: .currentFolder)
  }

  /// Returns the built-in layers, and the layers of git repositories that are already in the cache.
  static func library(for project: ProjectDefinition?) async throws -> LayerLibrary {
    let environment = ProcessInfo.processInfo.environment
    var library = LayerLibrary(builtIn: LayerLibrary.builtInFolder(environment: environment, tool: .runningTool))
    let hasGit = project?.layers.contains { if case .git = $0.location { true } else { false } } ?? false
    guard let project, hasGit else { return library }
    let checkouts = LayerCheckouts(
      cache: try Cache(at: Cache.defaultFolder(environment: environment)),
      lock: try ProjectLock(file: project.folder.appending(path: "cultivar.lock")))
    library.checkouts = await checkouts.existing(project.layers)
    return library
  }
}

extension URL {
  /// The executable of this process.
  static var runningTool: URL { URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath() }
}
