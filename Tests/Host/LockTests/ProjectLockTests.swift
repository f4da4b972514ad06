import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

@testable import Lock

@Suite("The lock file")
struct ProjectLockTests {
  private let request = PackageRequest(["hello"], scope: .closure, suite: "trixie", architecture: "amd64")
  private let other = PackageRequest(["other"], scope: .named, suite: "trixie", architecture: "amd64")

  private func package(_ name: String, version: String = "1") -> DebianPackage {
    DebianPackage(
      name: name, version: version, architecture: "amd64", archive: .security, path: "pool/\(name).deb", size: 7,
      sha256: Digest(of: "\(name) \(version)"))
  }

  private func withLock(_ work: (URL) async throws -> Void) async throws {
    try await withTemporaryFolder { try await work($0.appending(path: "cultivar.lock")) }
  }

  @Test("Recorded content is read back, and the same content gives the same bytes")
  func roundTrip() async throws {
    try await withLock { file in
      let lock = try ProjectLock(file: file)
      try await lock.record([request: [package("libc6"), package("hello")]], archiveDate: 1_700_000_000)
      try await lock.record("0123", of: "https://example.org/r", "tag v1")
      let bytes = try Data(contentsOf: file)

      let again = try ProjectLock(file: file)

      #expect(await again.packages(of: request) == [package("libc6"), package("hello")])
      #expect(await again.revision(of: "https://example.org/r", "tag v1") == "0123")
      #expect(await again.archiveDate == 1_700_000_000)
      #expect(await again.packages(of: other) == nil)
      try await again.tidy()
      #expect(try Data(contentsOf: file) == bytes)
    }
  }

  @Test("Reading makes no file, and without a lock file nothing is locked")
  func none() async throws {
    try await withLock { file in
      let lock = try ProjectLock(file: file)
      #expect(await lock.packages(of: request) == nil)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test("A refresh looks everything up again, once")
  func refresh() async throws {
    try await withLock { file in
      try await ProjectLock(file: file).record([request: [package("hello")]], archiveDate: 2_000)
      let lock = try ProjectLock(file: file, mode: .renewed)

      #expect(await lock.packages(of: request) == nil)
      try await lock.record([request: [package("hello", version: "2")]], archiveDate: 1_000)
      #expect(await lock.packages(of: request) == [package("hello", version: "2")])
      #expect(await lock.archiveDate == 1_000)
      try await lock.tidy()

      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("hello_2_amd64") && !text.contains("hello_1_amd64"))
    }
  }

  @Test("Tidying removes unused requests and their packages")
  func tidy() async throws {
    try await withLock { file in
      let first = try ProjectLock(file: file)
      try await first.record([request: [package("hello")], other: [package("other")]], archiveDate: 5)
      try await first.record("0123", of: "r", "tag v1")

      let lock = try ProjectLock(file: file)
      _ = await lock.packages(of: request)
      try await lock.tidy()

      let again = try ProjectLock(file: file)
      #expect(await again.packages(of: other) == nil)
      #expect(await again.revision(of: "r", "tag v1") == nil)
      #expect(await again.packages(of: request) == [package("hello")])
      #expect(await again.archiveDate == 5)
      #expect(try !String(contentsOf: file, encoding: .utf8).contains("other"))
    }
  }

  @Test(
    "A damaged lock file is refused with its path and a remedy",
    arguments: [
      ("", "it is not a lock file"), ("{", "it is not a lock file"), ("{}", "it is not a lock file"),
      (#"{"cultivarLock": 99, "archiveDate": 0, "requests": {}, "packages": {}, "revisions": {}}"#, "it has format 99"),
      (
        #"""
        {"cultivarLock": 1, "archiveDate": 0, "requests": {}, "revisions": {}, "packages": {"a": {"name": "a", "version": "1",
        "architecture": "all", "archive": "main", "path": "p", "size": 1, "sha256": "short"}}}
        """#, "a SHA-256 digest must have 64 hexadecimal digits"
      ),
    ])
  func damaged(text: String, reason: String) async throws {
    try await withLock { file in
      try Data(text.utf8).write(to: file)
      let failure = #expect(throws: LockFailure.self) { _ = try ProjectLock(file: file) }
      #expect(failure?.problem.hasPrefix("cannot read the lock file \(file.path): ") == true)
      #expect(failure?.problem.contains(reason) == true)
      #expect(failure?.remedy == "restore it from version control, or remove it and build again")
    }
  }

  @Test(
    "A locked image is used until it is to be updated by name; with --locked it must be in the lock file"
  )
  func base() async throws {
    let (one, two) = (Digest(of: "1"), Digest(of: "2"))
    try await withLock { file in
      let absent = await #expect(throws: NotLocked.self) {
        try await ProjectLock(file: file, mode: .required).record(base: "os.img", one)
      }
      #expect(absent?.missing == ["image os.img"])
      try await ProjectLock(file: file).record(base: "os.img", one)
      let bytes = try Data(contentsOf: file)

      try await ProjectLock(file: file, mode: .required).record(base: "os.img", one)
      let failure = await #expect(throws: ChangedBase.self) {
        try await ProjectLock(file: file).record(base: "os.img", two)
      }
      #expect(failure?.remedy == "restore the old image, or accept the new one with `cultivar lock --update os.img`")
      await #expect(throws: ChangedBase.self) {
        try await ProjectLock(file: file, mode: .renewedFor([])).record(base: "os.img", two)
      }
      let compared = try ProjectLock(file: file, mode: .compared)
      try await compared.record(base: "os.img", two)
      #expect(
        await compared.changes()
          == [LockChange(name: "os.img", locked: one.text, available: two.text, from: "image")])
      #expect(try Data(contentsOf: file) == bytes)

      let renewed = try ProjectLock(file: file, mode: .renewedFor(["os.img"]))
      try await renewed.record(base: "os.img", two)
      try await renewed.tidy()
      try await ProjectLock(file: file, mode: .required).record(base: "os.img", two)
    }
  }

  @Test("A request whose package is missing in the file is resolved again")
  func partial() async throws {
    var lock = LockFile()
    lock.record(request, [package("hello")])
    lock.packages = [:]
    #expect(lock.packages(of: request) == nil)
  }

  @Test("With --locked, a look-up is refused with the missing request, and the file stays unchanged")
  func required() async throws {
    try await withLock { file in
      let none = try ProjectLock(file: file, mode: .required)
      let absent = await #expect(throws: NotLocked.self) { try await none.allowLookup(of: [request.label]) }
      #expect(
        absent?.description == """
          there is no lock file, but --locked needs these entries in it:
            | trixie/amd64 closure: hello
            run `cultivar lock` and commit cultivar.lock, or build without --locked
          """)
      try await ProjectLock(file: file).record([request: [package("hello")]], archiveDate: 5)
      let bytes = try Data(contentsOf: file)

      let lock = try ProjectLock(file: file, mode: .required)

      #expect(await lock.packages(of: request) == [package("hello")])
      #expect(await lock.packages(of: other) == nil)
      let failure = await #expect(throws: NotLocked.self) { try await lock.allowLookup(of: [other.label]) }
      #expect(
        failure?.problem == """
          the lock file \(file.path) does not have these entries, which the build needs:
            | trixie/amd64 named: other
          """)
      try await lock.tidy()
      #expect(try Data(contentsOf: file) == bytes)
      try await ProjectLock(file: file).allowLookup(of: [other.label])
    }
  }

  @Test("With names, only requests with the package and repositories of that name are looked up again")
  func named() async throws {
    try await withLock { file in
      let first = try ProjectLock(file: file)
      try await first.record(
        [request: [package("hello"), package("libc6")], other: [package("other")]], archiveDate: 5)
      try await first.record("0123", of: "https://example.org/roof.git", "tag v1")
      try await first.record("4567", of: "https://example.org/cellar", "tag v1")

      let lock = try ProjectLock(file: file, mode: .renewedFor(["libc6", "roof"]))

      #expect(await lock.packages(of: request) == nil)
      #expect(await lock.packages(of: other) == [package("other")])
      #expect(await lock.revision(of: "https://example.org/roof.git", "tag v1") == nil)
      #expect(await lock.revision(of: "https://example.org/cellar", "tag v1") == "4567")
      try await lock.record([request: [package("hello"), package("libc6", version: "2")]], archiveDate: 6)
      #expect(await lock.packages(of: request)?.map(\.version) == ["1", "2"])
    }
  }

  @Test("An unknown name is refused before any look-up")
  func unknownName() async throws {
    try await withLock { file in
      try await ProjectLock(file: file).record([request: [package("hello")]], archiveDate: 5)
      let failure = #expect(throws: NoLockedName.self) {
        _ = try ProjectLock(file: file, mode: .renewedFor(["hello", "helo"]))
      }
      #expect(failure?.names == ["helo"])
      #expect(failure?.problem.contains("'helo'") == true)
    }
  }

  @Test("A comparison shows changed, added and removed entries, and writes nothing")
  func compared() async throws {
    try await withLock { file in
      let first = try ProjectLock(file: file)
      try await first.record(
        [request: [package("hello"), package("libold")], other: [package("other")]], archiveDate: 5)
      try await first.record("0123", of: "https://example.org/roof", "branch main")
      let bytes = try Data(contentsOf: file)

      let lock = try ProjectLock(file: file, mode: .compared)
      #expect(await lock.packages(of: request) == nil)
      try await lock.record(
        [request: [package("hello", version: "2"), package("libnew")], other: [package("other")]], archiveDate: 9)
      try await lock.record("4567", of: "https://example.org/roof", "branch main")
      try await lock.tidy()

      func change(_ name: String, _ locked: String?, _ available: String?) -> LockChange {
        LockChange(name: name, architecture: "amd64", locked: locked, available: available, from: "security")
      }
      #expect(
        await lock.changes() == [
          change("hello", "1", "2"),
          LockChange(
            name: "https://example.org/roof", architecture: nil, locked: "0123", available: "4567", from: "branch main"),
          change("libnew", nil, "1"), change("libold", "1", nil),
        ])
      #expect(try Data(contentsOf: file) == bytes)
    }
  }
}
