import ArgumentParser
import Foundation
import ImageBuild

/// `cultivar lock`: writes the lock file.
struct LockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock", abstract: "Write cultivar.lock: the versions of all packages and commits that images take.",
    discussion: "Without --update, what is locked stays, and only what is missing is looked up.")

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Take the newest versions of everything.")
  var update = false

  @Flag(name: [.short, .long], help: "Say nothing unless something is wrong.")
  var quiet = false

  func run() async throws {
    try await CommandErrors.shown {
      let session = try ProjectSession(options, refresh: update, quiet: quiet)
      try await session.fetchLayers()
      for image in session.project.images {
        // Which packages a system has may depend on variables, never on secrets.
        let system = image.kind == .system ? try await session.system(of: image, needsSecrets: false).system : nil
        try await session.builder.resolve(image, system: system)
      }
      await session.progress.finish()
      try await session.lock.tidy()
    }
  }
}
