import ArgumentParser
import FoundationEssentials
import HostSystem
import ImageBuild
import Lock

/// `cultivar lock`: writes the lock file.
struct LockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock", abstract: "Write cultivar.lock: the versions of all packages and commits that images take.",
    discussion: """
      Without --update, what is locked stays, and only what is missing is looked up. With --update and names, what has to do with
      them is looked up anew: whatever was asked for together with a package of that name, a git repository by its URL or the
      last part of it, and an image that a system stands upon by its path.
      """)

  @OptionGroup var options: ProjectOptions

  @Flag(help: "Take the newest versions of everything, or of what is named.")
  var update = false

  @Argument(help: "Packages, git repositories and images to update.")
  var names: [String] = []

  @Flag(name: [.short, .long], help: "Say nothing unless something is wrong.")
  var quiet = false

  func validate() throws {
    if !names.isEmpty, !update { throw ValidationError("names are given with --update") }
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
    commandName: "outdated", abstract: "Show what has changed since cultivar.lock was written.",
    discussion: "Looks up everything as `cultivar lock --update` would, and changes nothing.")

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
        print("cultivar.lock has the newest of everything")
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
