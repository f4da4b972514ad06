import DebianArchive
import Project

extension ImageBuilder {
  /// Looks packages up; a suite that the archive does not have is a problem of the line that names it.
  ///
  /// - Throws: `ProjectProblems`, and what the work throws.
  func lookingUp<Packages: Sendable>(
    for image: ImageDefinition, _ system: SystemDefinition? = nil, _ work: () async throws -> Packages
  ) async throws -> Packages {
    do {
      return try await work()
    } catch ArchiveFailure.noSuchSuite(let missing) {
      let position =
        if let name = missing.repository {
          system?.layers.flatMap(\.repositories).first { $0.name == name }?.position
        } else {
          project.position(ofSuite: missing.suite, in: image)
        }
      guard let position else { throw ArchiveFailure.noSuchSuite(missing) }
      throw ProjectProblems([Diagnostic(.error, missing.problem, at: position, hint: missing.remedy)])
    }
  }
}
