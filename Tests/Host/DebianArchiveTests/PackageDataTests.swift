import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("The parts of a package's archive file")
struct PackageDataTests {
  private static func member(_ name: String, _ content: String) -> String {
    let head = [(name, 16), ("0", 12), ("0", 6), ("0", 6), ("100644", 8), ("\(content.utf8.count)", 10)]
    return head.map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined() + "`\n" + content
      + (content.utf8.count.isMultiple(of: 2) ? "" : "\n")
  }

  private static let archive =
    "!<arch>\n" + member("debian-binary", "2.0\n") + member("control.tar.xz", "odd") + member("data.tar.zst/", "files")

  @Test("Both parts are found, also after one of odd length")
  func parts() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing(Self.archive, to: "a.deb")
      let path = folder.appending(path: "a.deb").path
      let control = try PackageData(.control, in: path)
      #expect(control.isXZ)
      #expect(try control.bytes(in: path) == Array("odd".utf8))
      let data = try PackageData(in: path)
      #expect(data.name == "data.tar.zst")
      #expect(!data.isXZ)
      #expect(try data.bytes(in: path) == Array("files".utf8))
    }
  }

  @Test("A file that is truncated or not a package is refused", arguments: ["", "!<arch>\n", "no package at all"])
  func refused(content: String) async throws {
    try await withTemporaryFolder { folder in
      try folder.writing(content, to: "a.deb")
      #expect(throws: FileFailure.self) { try PackageData(in: folder.appending(path: "a.deb").path) }
    }
  }

  @Test("A truncated part is refused")
  func cut() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing(String(Self.archive.dropLast(3)), to: "a.deb")
      let path = folder.appending(path: "a.deb").path
      #expect(throws: FileFailure.self) { try PackageData(in: path).bytes(in: path) }
    }
  }
}
