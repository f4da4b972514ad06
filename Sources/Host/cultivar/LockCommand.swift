import ArgumentParser
import FoundationEssentials
import HostSystem
import ImageBuild
import Lock

/// `cultivar lock`: writes the lock file.
struct LockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock",
    abstract: "Write cultivar.lock: the package versions, commits and base images that builds use.",
    discussion: """
      Without --update, looks up only missing entries, and keeps all others. With --update, looks up everything again, \
      or only the named entries. A name is a package (looked up together with the packages that were requested with \
      it), a git repository (its URL, or the last part of it), or a base image (its path).
      """)

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Take the newest versions of everything, or of the named entries.")
  var update = false

  @Argument(help: "Packages, git repositories and base images to update.")
  var names: [String] = []

  @Flag(name: [.short, .long], help: "Print only problems.")
  var quiet = false

  func validate() throws {
    if !names.isEmpty, !update { throw ValidationError("names need --update") }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let mode: LockMode = !update ? .kept : names.isEmpty ? .renewed : .renewedFor(Set(names))
      let session = try ProjectSession(options, mode: mode, quiet: quiet)
      try await session.resolve()
      try await session.lock.tidy()
    }
  }
}

/// `cultivar outdated`: compares the lock file with the available versions.
struct OutdatedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outdated", abstract: "Show the versions that have changed since cultivar.lock was written.",
    discussion: "Looks up everything as `cultivar lock --update` does, and changes nothing.")

  @OptionGroup var options: ProjectOptions

  @Flag(help: "End with status 1 if anything has changed.")
  var check = false

  @Flag(help: "Write the differences as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let session = try ProjectSession(options, mode: .compared, quiet: true)
      try await session.resolve()
      let changes = await session.lock.changes()
      if json {
        try ReadableJSON.print(changes)
      } else if changes.isEmpty {
        print("cultivar.lock has the newest versions of everything")
      } else {
        let rows = changes.map { [$0.name, Self.short($0.locked), Self.short($0.available), $0.from] }
        print(TextTable.text([["name", "locked", "available", "from"]] + rows))
      }
      if check, !changes.isEmpty { throw ExitCode(1) }
    }
  }

  /// Shortens a commit or an image's checksum to its beginning. Versions are not shortened.
  private static func short(_ version: String?) -> String {
    guard let version else { return "-" }
    return [40, 64].contains(version.count) && version.allSatisfy(\.isHexDigit) ? String(version.prefix(12)) : version
  }
}
