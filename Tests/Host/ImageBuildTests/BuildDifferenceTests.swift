import DiskImage
import Foundation
import Hashing
import HostSystem
import SizeReport
import TestFixtures
import Testing

@testable import ImageBuild

@Suite("Differences between two builds")
struct BuildDifferenceTests {
  private static let manifest = """
    {
      "identity": {
        "project": "box", "image": "box", "deviceClass": "generic-x86_64", "version": "1.0", "build": "11"
      },
      "epoch": 1, "kernel": "linux-image-amd64 6.12.1", "firmwareNotIncluded": [], "slotSize": 1000,
      "sizes": { "root": 1000 }, "partitions": [{ "number": 1, "name": "root", "offset": 0, "size": 4096 }],
      "programs": [], "artefacts": [], "layers": ["base", "box"], "variables": { "colour": "red" },
      "packages": [
        { "name": "curl", "version": "8.0", "architecture": "amd64", "sha256": "\(String(repeating: "a", count: 64))" },
        { "name": "nano", "version": "7", "architecture": "amd64", "sha256": "\(String(repeating: "b", count: 64))" }
      ]
    }
    """
  private static let contents = [
    ContentsListing.Entry(path: "/bin/sh", kind: .link, mode: "777", target: "dash", origin: "package dash"),
    ContentsListing.Entry(path: "/etc/motd", size: 5, sha256: Digest(of: "hello"), origin: "layer box"),
    ContentsListing.Entry(path: "/usr/bin/curl", size: 300, mode: "755", origin: "package curl"),
    ContentsListing.Entry(path: "/usr/bin/su", size: 100, mode: "4755", origin: "package util-linux"),
  ]

  private func record(
    _ folder: URL, manifest change: (String) -> String = { $0 },
    contents entries: [ContentsListing.Entry] = Self.contents
  ) throws -> BuildRecord {
    try folder.writing(change(Self.manifest), to: "manifest.json")
    try folder.writing(
      String(decoding: try JSONEncoder().encode(ContentsListing(image: "box", entries: entries)), as: UTF8.self),
      to: "contents.json")
    return try BuildRecord(of: ArtefactFolder(folder, name: "box"))
  }

  @Test("Two equal builds have no difference, whatever the origin of their files")
  func same() async throws {
    try await withTemporaryFolder { folder in
      let first = try record(folder)
      var entries = Self.contents
      entries[1].origin = "layer other"
      let second = try record(folder, manifest: { $0.replacing("\"11\"", with: "\"12\"") }, contents: entries)
      #expect(BuildDifference(from: first, to: second).isEmpty)
      #expect(BuildDifference(from: first, to: second).text(limit: 10) { "\($0)" } == "")
    }
  }

  @Test("Every kind of difference is reported: added, removed and changed parts")
  func everyKind() async throws {
    try await withTemporaryFolder { folder in
      let first = try record(folder)
      var entries = Self.contents
      entries[0].target = "bash"
      entries[1].sha256 = Digest(of: "HELLO")
      entries[2] = ContentsListing.Entry(path: "/usr/bin/vi", size: 250, origin: "package vim")
      entries[3].mode = "755"
      entries[3].owner = "0:5"
      let second = try record(
        folder,
        manifest: {
          $0.replacing("\"8.0\"", with: "\"8.1\"").replacing("\"nano\"", with: "\"vim\"")
            .replacing("\"red\"", with: "\"blue\"").replacing("\"base\",", with: "").replacing("4096", with: "8192")
        }, contents: entries)
      let difference = BuildDifference(from: first, to: second)
      #expect(
        difference.text(limit: 10) { "\($0) B" } == """
          Image
            ~ layers  base, box → box

          Variables
            ~ colour  red → blue

          Packages
            ~ curl  8.0 → 8.1
            - nano  7
            + vim  7

          Sizes
            ~ all files  405 B → 355 B  −50 B
            ~ partition root  4096 B → 8192 B  +4096 B

          Files and folders: 1 added, 1 removed, 3 changed
            ~ /bin/sh  link dash → bash
            ~ /etc/motd  content
            - /usr/bin/curl  package curl  −300 B
            ~ /usr/bin/su  mode 4755 → 755, owner 0:0 → 0:5
            + /usr/bin/vi  package vim  +250 B
          """)
      #expect(difference.text(limit: 2) { "\($0)" }.contains("… and 3 more"))
    }
  }

  @Test("A package of the same version with different content is reported")
  func rebuilt() async throws {
    try await withTemporaryFolder { folder in
      let first = try record(folder)
      let second = try record(folder) {
        $0.replacing(String(repeating: "b", count: 64), with: String(repeating: "c", count: 64))
      }
      let text = BuildDifference(from: first, to: second).text(limit: 10) { "\($0)" }
      #expect(text == "Packages\n  ~ nano  7 with different content")
    }
  }

  @Test("A folder without a build, or with another kind of file in its place, is an error with its path")
  func noBuild() async throws {
    try await withTemporaryFolder { folder in
      #expect(throws: ImageFailure.self) { try BuildRecord(of: ArtefactFolder(folder, name: "box")) }
      try folder.writing("{}", to: "contents.json")
      let failure = #expect(throws: FileFailure.self) { try BuildRecord(of: ArtefactFolder(folder, name: "box")) }
      #expect(failure?.problem.contains("contents.json") == true)
    }
  }
}
