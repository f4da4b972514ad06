import Foundation
import HostSystem
import Lock
import Project
import TestFixtures
import Testing

@testable import Programs

@Suite("Commits of git repositories")
struct GitCheckoutTests {
  private static let author = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]

  @discardableResult
  private func git(_ arguments: [String], in folder: URL) throws -> String {
    let verdict = try Judge("git").run(Self.author + arguments, in: folder)
    try #require(verdict.status == 0, "\(verdict.errors)")
    return verdict.output.trimmingCharacters(in: .newlines)
  }

  /// Makes a repository with two commits. The first one has an annotated and a plain tag.
  private func repository(in folder: URL) throws -> (url: String, first: String, second: String) {
    let place = folder.appending(path: "repository")
    try place.writing("one", to: "file")
    try git(["init", "-q", "-b", "main"], in: place)
    try git(["add", "file"], in: place)
    try git(["commit", "-q", "-m", "one"], in: place)
    try git(["tag", "plain"], in: place)
    try git(["tag", "-a", "v1", "-m", "v1"], in: place)
    let first = try git(["rev-parse", "HEAD"], in: place)
    try place.writing("two", to: "file")
    try git(["commit", "-q", "-a", "-m", "two"], in: place)
    return ("file://\(place.path)", first, try git(["rev-parse", "HEAD"], in: place))
  }

  @Test("Tags of both kinds, branches and commits are checked out, and the lock file records the commit")
  func references() async throws {
    try await withTemporaryFolder { folder in
      let (url, first, second) = try repository(in: folder)
      let lockFile = folder.appending(path: "cultivar.lock")
      let lock = try ProjectLock(file: lockFile)
      let checkout = GitCheckout(cache: try Cache(at: folder.appending(path: "cache")), lock: lock)

      #expect(try await checkout.folder(url: url, reference: .tag("v1")).text("file") == "one")
      #expect(try await checkout.folder(url: url, reference: .tag("plain")).text("file") == "one")
      #expect(try await checkout.folder(url: url, reference: .revision(first)).text("file") == "one")
      #expect(try await checkout.folder(url: url, reference: .branch("main")).text("file") == "two")
      #expect(await lock.revision(of: url, "tag v1") == first)
      #expect(await lock.revision(of: url, "branch main") == second)
      #expect(try folder.text("cultivar.lock").contains("\"\(url) branch main\" : \"\(second)\""))
    }
  }

  @Test("A locked branch stays at its commit until it is refreshed")
  func locked() async throws {
    try await withTemporaryFolder { folder in
      let (url, first, second) = try repository(in: folder)
      let lockFile = folder.appending(path: "cultivar.lock")
      let cache = try Cache(at: folder.appending(path: "cache"))
      try await ProjectLock(file: lockFile).record(first, of: url, "branch main")

      let kept = try await GitCheckout(cache: cache, lock: ProjectLock(file: lockFile))
        .folder(url: url, reference: .branch("main"))
      let fresh = try ProjectLock(file: lockFile, mode: .renewed)
      let moved = try await GitCheckout(cache: cache, lock: fresh).folder(url: url, reference: .branch("main"))

      #expect(try kept.text("file") == "one")
      #expect(try moved.text("file") == "two")
      #expect(await fresh.revision(of: url, "branch main") == second)
    }
  }

  @Test(
    "A reference that the repository does not have is named",
    arguments: [
      (GitReference.tag("v9"), "tag v9"), (.branch("none"), "branch none"),
      (.revision(String(repeating: "0", count: 40)), "commit 0000000000000000000000000000000000000000"),
    ])
  func missing(reference: GitReference, text: String) async throws {
    try await withTemporaryFolder { folder in
      let url = try repository(in: folder).url
      let lock = try ProjectLock(file: folder.appending(path: "cultivar.lock"))
      let checkout = GitCheckout(cache: try Cache(at: folder.appending(path: "cache")), lock: lock)

      let failure = await #expect(throws: ProgramFailure.self) {
        _ = try await checkout.folder(url: url, reference: reference)
      }

      #expect(failure?.problem == "the repository \(url) has no \(text)")
      #expect(failure?.remedy == "check the spelling of the tag, branch or revision")
    }
  }

  @Test("Layers of git repositories are fetched once, locked, and found again without the network")
  func layers() async throws {
    try await withTemporaryFolder { folder in
      let (url, first, _) = try repository(in: folder)
      try folder.writing(
        """
        cultivar: 1
        name: house
        layers: { sensors: { git: "\(url)", tag: v1 }, fixed: { git: "\(url)", revision: \(first) } }
        images: { gateway: { device: generic-x86_64, layout: appliance-ab, layers: [sensors] } }
        """, to: "cultivar.yaml")
      let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
      let lockFile = folder.appending(path: "cultivar.lock")
      let cache = try Cache(at: folder.appending(path: "cache"))
      let checkouts = LayerCheckouts(cache: cache, lock: try ProjectLock(file: lockFile))

      #expect(await checkouts.existing(project.layers).isEmpty)
      let fetched = try await checkouts.fetch(project.layers)
      try FileManager.default.removeItem(at: folder.appending(path: "repository"))
      let found = await LayerCheckouts(cache: cache, lock: try ProjectLock(file: lockFile)).existing(project.layers)

      #expect(fetched.mapValues(\.commit) == ["sensors": first, "fixed": first])
      #expect(found.mapValues(\.folder) == fetched.mapValues(\.folder))
      #expect(try folder.text("cultivar.lock").contains("\"\(url) tag v1\" : \"\(first)\""))
    }
  }

  @Test("A missing repository is an error with git's message, without a prompt")
  func nowhere() async throws {
    try await withTemporaryFolder { folder in
      let lock = try ProjectLock(file: folder.appending(path: "cultivar.lock"))
      let checkout = GitCheckout(cache: try Cache(at: folder.appending(path: "cache")), lock: lock)
      let failure = await #expect(throws: CommandFailure.self) {
        _ = try await checkout.folder(url: "file://\(folder.path)/none", reference: .tag("v1"))
      }
      #expect(failure?.problem.hasPrefix("cannot look up tag v1 of file://\(folder.path)/none: git ended with") == true)
    }
  }
}
