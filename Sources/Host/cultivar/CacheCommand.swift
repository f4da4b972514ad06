import ArgumentParser
import DeviceModel
import DiskImage
import FoundationEssentials
import Glibc
import HostSystem

/// `cultivar cache`: shows and reduces the cache.
struct CacheCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Show and prune the cache of builds.",
    subcommands: [List.self, Collect.self, Clear.self])

  /// `cultivar cache list`: lists the results in the cache by kind.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Show the contents of the cache by kind.")

    @Flag(help: "Write JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let cache = try Cache.ofUser(ProcessInfo.processInfo.environment)
        let kinds = CacheKind.of(try cache.entries())
        if json {
          try CacheCommand.write(
            Listing(folder: cache.folder.path, size: kinds.reduce(0) { $0 + $1.size }, kinds: kinds))
          return
        }
        let total = CacheKind(
          kind: "total", count: kinds.reduce(0) { $0 + $1.count }, size: kinds.reduce(0) { $0 + $1.size },
          lastUse: kinds.map(\.lastUse).max() ?? 0)
        let rows = (kinds + [total]).map { kind in
          [
            kind.kind, "\(kind.count)", "\(ByteSize(bytes: kind.size))",
            kind.count == 0 ? "-" : Date(timeIntervalSince1970: TimeInterval(kind.lastUse)).formatted(.iso8601),
          ]
        }
        print(cache.folder.path)
        print(TextTable.text([["kind", "count", "size", "last use"]] + rows, right: [1, 2]))
      }
    }
  }

  /// `cultivar cache gc`: removes the results that have been unused for the longest time.
  struct Collect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc", abstract: "Remove the least recently used results from the cache.",
      discussion: """
        Results that a running build has used are kept. Without options, the limit is the same as after builds: \
        CULTIVAR_CACHE_LIMIT, or else 40G, or half of a smaller disk.
        """)

    @Option(help: ArgumentHelp("Maximum size of the cache, such as 500M or 20G.", valueName: "size"))
    var maxSize: String?

    @Option(
      help: ArgumentHelp(
        "Remove all results that were not used for this time, such as 12h, 30d or 8w.", valueName: "time"))
    var olderThan: String?

    @Flag(help: "Write JSON to standard output.")
    var json = false

    func validate() throws {
      if let maxSize, CacheLimit.size(maxSize) == nil {
        throw ValidationError("'\(maxSize)' is not a size: write for example 500M or 20G")
      }
      if let olderThan, CacheLimit.seconds(olderThan) == nil {
        throw ValidationError("'\(olderThan)' is not a time: write for example 12h, 30d or 8w")
      }
    }

    func run() async throws {
      try await CommandErrors.shown {
        let environment = ProcessInfo.processInfo.environment
        let cache = try Cache.ofUser(environment)
        let age = olderThan.flatMap(CacheLimit.seconds)
        let given = maxSize.flatMap(CacheLimit.size)
        let usual = age == nil && given == nil ? try CacheLimit(environment: environment) : nil
        try CacheCommand.report(
          try cache.collect(
            limit: given ?? usual?.bytes, ofSharedDisk: usual?.isUsual ?? false,
            unusedSince: age.map { CacheTime(seconds: Int64(Date().timeIntervalSince1970) - $0) }), of: cache,
          json: json)
      }
    }
  }

  /// `cultivar cache clear`: removes all results.
  struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clear", abstract: "Remove everything from the cache, except results that a running build has used.")

    @Flag(name: [.short, .long], help: "Do not ask for confirmation.")
    var yes = false

    @Flag(help: "Write JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let cache = try Cache.ofUser(ProcessInfo.processInfo.environment)
        if !yes {
          guard isatty(STDIN_FILENO) == 1 else { throw NotConfirmed(folder: cache.folder.path) }
          StandardError.write("Remove everything in \(cache.folder.path)? [y/N] ")
          guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw ExitCode.failure }
        }
        try CacheCommand.report(try cache.collect(limit: 0), of: cache, json: json)
      }
    }
  }

  /// Prints the removed results.
  fileprivate static func report(_ removed: [CacheEntry], of cache: Cache, json: Bool) throws {
    let kinds = CacheKind.of(removed)
    let size = kinds.reduce(0) { $0 + $1.size }
    if json { return try write(Removal(folder: cache.folder.path, removed: size, kinds: kinds)) }
    let left = try cache.entries().reduce(0) { $0 + $1.size }
    print(
      "removed \(ProjectReporting.count(removed.count, "result")), \(ByteSize(bytes: size)); "
        + "\(ByteSize(bytes: left)) are left in \(cache.folder.path)")
  }

  fileprivate static func write(_ value: some Encodable) throws {
    try ReadableJSON.print(value)
  }

  private struct Listing: Encodable {
    var folder: String
    var size: Int64
    var kinds: [CacheKind]
  }

  private struct Removal: Encodable {
    var folder: String
    var removed: Int64
    var kinds: [CacheKind]
  }
}

/// The sums of the results of one kind.
private struct CacheKind: Encodable {
  var kind: String
  var count: Int
  var size: Int64
  var lastUse: Int64

  static func of(_ entries: [CacheEntry]) -> [CacheKind] {
    Dictionary(grouping: entries, by: \.kind).map { kind, entries in
      CacheKind(
        kind: kind, count: entries.count, size: entries.reduce(0) { $0 + $1.size },
        lastUse: entries.map(\.lastUse.seconds).max() ?? 0)
    }.sorted { $0.kind < $1.kind }
  }
}

/// An error for clearing the cache without a terminal to ask for confirmation.
private struct NotConfirmed: ExplainedError {
  var folder: String

  var problem: String { "cannot ask for confirmation to remove everything in \(folder): there is no terminal" }
  var remedy: String? { "confirm with --yes" }
}
