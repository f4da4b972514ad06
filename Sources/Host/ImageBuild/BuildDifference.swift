import FoundationEssentials
import Hashing
import HostSystem
import SizeReport

/// The record of a build: its manifest and its list of files.
public struct BuildRecord: Sendable {
  public var manifest: BuildManifest
  /// The contents of the root file system.
  public var contents: ContentsListing

  /// Reads the record of the last build that was written to a folder.
  ///
  /// - Throws: ``ImageFailure/notBuilt(_:)``, `FileFailure`.
  public init(of folder: ArtefactFolder) throws {
    contents = try folder.readContents()
    manifest = try folder.readManifest()
  }
}

/// The differences between two builds.
public struct BuildDifference: Sendable, Encodable {
  /// One difference. `before` is `nil` for an addition, `after` for a removal.
  public struct Change<State: Encodable & Equatable & Sendable>: Encodable, Sendable {
    public var name: String
    public var before: State?
    public var after: State?
  }

  /// A package in an image.
  public struct PackageState: Encodable, Equatable, Sendable {
    public var version: String
    /// SHA-256 of the package's archive; `nil` for a package of the base.
    public var sha256: Digest?
  }

  /// Names and versions of the images, their kernels and their layers.
  public var identity: [Change<String>]
  public var variables: [Change<String>]
  public var packages: [Change<PackageState>]
  /// Sizes of partitions and of their contents, in bytes.
  public var sizes: [Change<Int64>]
  /// Entries of the root file system.
  public var files: [Change<ContentsListing.Entry>]

  public init(from old: BuildRecord, to new: BuildRecord) {
    let (before, after) = (old.manifest, new.manifest)
    identity = Self.changes(Self.identity(of: before), Self.identity(of: after))
    variables = Self.changes(before.variables ?? [:], after.variables ?? [:])
    packages = Self.changes(Self.packages(of: before), Self.packages(of: after))
    sizes = Self.changes(Self.sizes(of: old), Self.sizes(of: new))
    // A file that only comes from another part of the build is not a difference between the images.
    files = Self.changes(Self.entries(of: old.contents), Self.entries(of: new.contents)).filter {
      $0.before == nil || $0.after == nil || !$0.reason.isEmpty
    }
  }

  public var isEmpty: Bool {
    identity.isEmpty && variables.isEmpty && packages.isEmpty && sizes.isEmpty && files.isEmpty
  }

  private static func changes<State>(_ before: [String: State], _ after: [String: State]) -> [Change<State>] {
    Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
      .map { Change(name: $0, before: before[$0], after: after[$0]) }
  }

  /// The names and versions of an image. Leaves out the build's hash, which only says that there is a difference.
  private static func identity(of manifest: BuildManifest) -> [String: String] {
    var words = [
      "project": manifest.identity.project, "image": manifest.identity.image, "version": manifest.identity.version,
      "device": manifest.identity.deviceClass, "kernel": manifest.kernel,
    ]
    if let base = manifest.base { words["base"] = "\(base.name) \(base.sha256.text.prefix(12))" }
    if let layers = manifest.layers { words["layers"] = layers.joined(separator: ", ") }
    return words
  }

  private static func packages(of manifest: BuildManifest) -> [String: PackageState] {
    let namesakes = Dictionary(grouping: manifest.packages, by: \.name)
    return Dictionary(
      manifest.packages.map { package in
        let isAlone = namesakes[package.name]?.count == 1
        return (
          isAlone ? package.name : "\(package.name):\(package.architecture)",
          PackageState(version: package.version, sha256: package.sha256)
        )
      }
    ) { first, _ in first }
  }

  private static func sizes(of build: BuildRecord) -> [String: Int64] {
    var sizes = build.manifest.sizes
    sizes["all files"] = build.contents.size
    for partition in build.manifest.partitions { sizes["partition \(partition.name)"] = partition.size }
    return sizes
  }

  private static func entries(of contents: ContentsListing) -> [String: ContentsListing.Entry] {
    Dictionary(contents.entries.map { ($0.path, $0) }) { first, _ in first }
  }
}

extension BuildDifference {
  /// The differences as text, one line each; empty if there are none.
  ///
  /// - Parameters:
  ///   - limit: Maximum number of files to list. Those with the largest change of size are chosen, and a last line
  ///     counts the rest.
  ///   - format: Formats a number of bytes.
  public func text(limit: Int, size format: (Int64) -> String) -> String {
    func signed(_ bytes: Int64) -> String { (bytes < 0 ? "−" : "+") + format(abs(bytes)) }
    var lines: [String] = []
    func section(_ title: String, _ rows: [String]) {
      guard !rows.isEmpty else { return }
      lines += (lines.isEmpty ? [] : [""]) + [title] + rows.map { "  \($0)" }
    }
    section("Image", identity.map { Self.row($0) { $0 } })
    section("Variables", variables.map { Self.row($0) { $0 } })
    section(
      "Packages",
      packages.map { change in
        guard change.before?.version == change.after?.version else { return Self.row(change) { $0.version } }
        return "~ \(change.name)  \(change.after?.version ?? "") with different content"
      })
    section(
      "Sizes",
      sizes.map { change in
        "\(Self.row(change, as: format))  \(signed((change.after ?? 0) - (change.before ?? 0)))"
      })
    let told = files.sorted { (abs($1.growth), $0.name) < (abs($0.growth), $1.name) }.prefix(limit)
    var rows = told.sorted { $0.name < $1.name }.map { change in
      let growth = change.growth == 0 ? "" : "  \(signed(change.growth))"
      return "\(Self.sign(change)) \(change.name)  \(change.reason)\(growth)"
    }
    if files.count > told.count { rows.append("… and \(files.count - told.count) more") }
    section("Files and folders: \(summary)", rows)
    return lines.joined(separator: "\n")
  }

  private var summary: String {
    let signs = files.map(Self.sign)
    return [("+", "added"), ("-", "removed"), ("~", "changed")].compactMap { sign, word in
      let count = signs.count { $0 == sign }
      return count == 0 ? nil : "\(count) \(word)"
    }.joined(separator: ", ")
  }

  private static func sign<State>(_ change: Change<State>) -> String {
    change.before == nil ? "+" : change.after == nil ? "-" : "~"
  }

  private static func row<State>(_ change: Change<State>, as text: (State) -> String) -> String {
    let sides = [change.before, change.after].compactMap { $0.map(text) }
    return "\(sign(change)) \(change.name)  \(sides.joined(separator: " → "))"
  }
}

extension BuildDifference.Change<ContentsListing.Entry> {
  /// Growth of the entry in bytes; negative if it became smaller.
  fileprivate var growth: Int64 { (after?.size ?? 0) - (before?.size ?? 0) }

  /// The attributes that differ, or the origin of an entry that was added or removed.
  fileprivate var reason: String {
    guard let before, let after else { return (after ?? before)?.origin ?? "" }
    var reasons: [String] = []
    func add(_ word: String, _ value: (ContentsListing.Entry) -> String) {
      if value(before) != value(after) { reasons.append("\(word)\(value(before)) → \(value(after))") }
    }
    add("") { $0.kind.rawValue }
    if before.kind == after.kind, before.sha256 != after.sha256 { reasons.append("content") }
    if before.kind == .link, after.kind == .link { add("link ") { $0.target ?? "" } }
    add("mode ") { $0.mode }
    add("owner ") { $0.owner }
    return reasons.joined(separator: ", ")
  }
}
