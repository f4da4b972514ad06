import DebianArchive
import Foundation
import Hashing
import HostSystem
import Lock
import Project
import SizeReport
import SystemBuild
import TestFixtures
import Testing

@testable import ImageBuild

/// Compares the installation of packages for another architecture, direct and with native twins, with dpkg under full
/// emulation.
///
/// dpkg's result is stored as a listing, as it takes a quarter of an hour. It is valid only for the versions with which
/// it was made. With `CULTIVAR_TEST_LONG=1` it is made again if it is missing or has other versions.
@Suite("Installing packages for another architecture", .serialized, .enabled(if: Workshop.isReady, Workshop.condition))
struct ForeignInstallationTests {
  private static let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] == "1"

  @Test(
    "Native twins make the same tree as emulated programs, except for a short list",
    arguments: isLong ? [("trixie", "arm64"), ("bookworm", "arm64"), ("sid", "armhf")] : [("trixie", "arm64")])
  func equality(suite: String, architecture: String) async throws {
    try await Cache(at: Workshop.cache).withScratch { folder in
      var sample = InstalledSample(suite: suite, architecture: architecture, sets: InstalledSample.allSets)
      if architecture == "armhf" { sample.sets = Array(sample.sets.prefix(4)) }
      let packages = try await sample.resolved(in: folder).packages.flatMap(\.self)
      let file = Self.listings.appending(path: "\(suite)-\(architecture).txt")
      var reference = (try? String(contentsOf: file, encoding: .utf8)).map(TreeListing.init(text:))
      if Self.isLong, reference?.versions != TreeListing.versions(of: packages) {
        sample.hasTwins = false
        let made = try await sample.installed(by: .dpkg, in: folder) { try await $0.allEntries() }
        reference = TreeListing(made, packages: packages)
        try Data((reference?.text ?? "").utf8).write(to: file)
      }
      sample.hasTwins = true
      let found = try await sample.installed(by: .direct, in: folder) { root in
        #expect(try await root.asked("dpkg --audit; dpkg --verify") == "")
        #expect(try await root.asked("dpkg --print-architecture") == "\(architecture)\n")
        return TreeListing(try await root.allEntries(), packages: packages)
      }
      #expect(found.rows.count > 200)
      // The archive changes. Its trees are compared again once the listing is renewed.
      guard let known = reference, known.versions == found.versions else { return }
      for path in Set(found.rows.keys).union(known.rows.keys).sorted() {
        #expect(found.rows[path] == known.rows[path], "\(path)")
      }
    }
  }

  @Test("APT can change a tree made by native twins, under full emulation", .enabled(if: isLong))
  func laterChanges() async throws {
    try await Cache(at: Workshop.cache).withScratch { folder in
      let sets = InstalledSample.allSets.filter { ["minimal", "diversions", "ssh"].contains($0.name) }
      let sample = InstalledSample(suite: "trixie", architecture: "arm64", sets: sets)
      let changes = try LaterChanges(
        archives: try await sample.archives(in: folder), newer: ["dash", "iproute2", "mawk"],
        in: folder.appending(path: "repository"))
      try await sample.installed(by: .direct, in: folder) { try await changes.expectSound(in: $0) }
    }
  }

  private static let listings = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Listings")
}

/// The content of a tree in a compact form: a hash for all files from a package's archive, a hash for all other entries
/// of a folder with many of them, and a line for each remaining entry.
struct TreeListing {
  /// Version of each package, by name and architecture.
  private(set) var versions: [String: String]
  /// Description of each entry, by path. All entries of a package are one row under its name.
  private(set) var rows: [String: String]

  /// Lists the entries of a tree.
  init(_ entries: [ContentsListing.Entry], packages: [DebianPackage]) {
    versions = Self.versions(of: packages)
    rows = [:]
    var (owned, made): ([String: [String]], [String: [String: String]]) = ([:], [:])
    for entry in entries where !InstalledSample.explained.contains(where: entry.path.hasPrefix) {
      let row = "\(entry.kind) \(entry.mode) \(entry.owner) \(entry.sha256?.text ?? entry.target ?? "")"
      if entry.origin.hasPrefix("package ") {
        owned[entry.origin, default: []].append("\(entry.path) \(row)")
      } else {
        made[String(entry.path.prefix(through: entry.path.lastIndex(of: "/") ?? entry.path.startIndex)), default: [:]][
          entry.path] = row
      }
    }
    for (origin, lines) in owned { rows[origin] = Self.summary(lines) }
    for (folder, entries) in made {
      if entries.count > 4 {
        rows[folder + "*"] = Self.summary(entries.map { "\($0) \($1)" })
      } else {
        rows.merge(entries) { $1 }
      }
    }
  }

  private static func summary(_ lines: [String]) -> String {
    "\(lines.count) entries \(Digest(of: lines.sorted().joined(separator: "\n")))"
  }

  static func versions(of packages: [DebianPackage]) -> [String: String] {
    Dictionary(packages.map { ("\($0.name):\($0.architecture)", $0.version) }) { $1 }
  }

  /// Parses a listing.
  init(text: String) {
    (versions, rows) = ([:], [:])
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      if parts[0] == "version" {
        versions[parts[1]] = parts[2]
      } else if !InstalledSample.explained.contains(where: parts[1].hasPrefix) {
        rows[parts[1]] = parts[2]
      }
    }
  }

  /// The listing as text for ``init(text:)``.
  var text: String {
    let lines =
      versions.map { "version\t\($0)\t\($1)" }.sorted() + rows.map { "entry\t\($0)\t\($1)" }.sorted()
    return lines.joined(separator: "\n") + "\n"
  }
}
