import FoundationEssentials
import HostSystem
import Lock
import Project
import SwiftSDK

/// Builds the executables of a project's programs, in any supported language.
public struct ProgramBuilder: Sendable {
  private let cache: Cache
  private let lock: ProjectLock
  private let versions = ToolVersions()

  public init(cache: Cache, lock: ProjectLock) {
    self.cache = cache
    self.lock = lock
  }

  /// Returns the executable of a program as a file on the build host; `nil` if it comes from Debian packages.
  ///
  /// - Throws: ``ProgramFailure``, `CommandFailure`, `FileFailure`.
  public func executable(of program: ProgramDefinition, for architecture: Architecture) async throws -> URL? {
    let builds = IncrementalBuild(cache: cache)
    switch program.source {
    case .swift(let location, let product):
      let folder = try await folder(location, of: program)
      return try await builds.product(
        of: SwiftBuild(
          program: program.name, folder: folder, product: product, architecture: architecture, versions: versions,
          sdks: DebianSDKs(cache: cache)))
    case .cargo(let location, let binary):
      let folder = try await folder(location, of: program)
      return try await builds.product(
        of: CargoBuild(
          program: program.name, source: .folder(folder), binary: binary, architecture: architecture,
          versions: versions))
    case .cargoRegistry(let name, let version, let binary):
      return try await builds.product(
        of: CargoBuild(
          program: program.name, source: .registry(name: name, version: version), binary: binary,
          architecture: architecture, versions: versions))
    case .go(let location, let package):
      let folder = try await folder(location, of: program)
      return try await builds.product(
        of: GoBuild(
          program: program.name, source: .folder(folder, package: package), architecture: architecture,
          versions: versions))
    case .goModule(let package, let version):
      return try await builds.product(
        of: GoBuild(
          program: program.name, source: .module(package: package, version: version), architecture: architecture,
          versions: versions))
    case .executable(let file): return file
    case .debian: return nil
    }
  }

  /// Resolves the programs' git references to commits and locks them. Fetches the sources, but builds nothing.
  ///
  /// - Throws: ``ProgramFailure/noReference(url:reference:)``, `CommandFailure`.
  public func resolve(_ programs: [ProgramDefinition]) async throws {
    for program in programs {
      switch program.source {
      case .swift(let location, _), .cargo(let location, _), .go(let location, _):
        if case .git = location { _ = try await folder(location, of: program) }
      case .cargoRegistry, .goModule, .executable, .debian: continue
      }
    }
  }

  private func folder(_ location: PackageLocation, of program: ProgramDefinition) async throws -> URL {
    let folder: URL
    switch location {
    case .folder(let url): folder = url
    case .git(let url, let reference, let subfolder):
      let checkout = try await GitCheckout(cache: cache, lock: lock).folder(url: url, reference: reference)
      folder = subfolder.isEmpty ? checkout : checkout.appending(path: subfolder)
    }
    var isFolder: Bool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder else {
      throw ProgramFailure.noFolder(program: program.name, folder: folder.path)
    }
    return folder.standardizedFileURL
  }
}
