import Foundation
import Glibc
import HostSystem
import PartitionTable
import TestFixtures
import Testing

@testable import DiskImage

@Suite("Sparse files")
struct SparseFileTests {
  private func allocated(_ file: URL) -> Int64 {
    var status = stat()
    return stat(file.path, &status) == 0 ? Int64(status.st_blocks) * 512 : -1
  }

  @Test("Zeros become holes, in the source a hole or not, and the content stays the same")
  func holes() async throws {
    try await withTemporaryFolder { folder in
      var bytes = [UInt8](repeating: 0, count: 8 << 20)
      bytes[5] = 1
      bytes[(1 << 20) - 1] = 2
      bytes[1 << 20] = 3
      bytes[4_096 * 700..<4_096 * 700 + 5_000] = ArraySlice([UInt8](repeating: 9, count: 5_000))
      bytes.append(7)
      let source = try folder.writing(bytes, to: "source")
      let target = folder.appending(path: "target")
      try SparseFile.create(target.path, size: 3_333 + Int64(bytes.count))
      let descriptor = open(target.path, O_WRONLY)
      defer { close(descriptor) }

      try SparseFile.copy(source.path, into: (descriptor, target.path), at: 3_333)

      #expect(try FolderTree.readFile(target.path) == [UInt8](repeating: 0, count: 3_333) + bytes)
      #expect(allocated(target) <= 48 << 10)
    }
  }

  @Test("A disk image takes the space of its content; content that is too large for its partition is refused")
  func image() async throws {
    try await withTemporaryFolder { folder in
      let table = Layout.applianceAB.table(
        ids: DiskIdentity(project: "p", image: "i"), rootType: .linuxRootX86_64, rootContent: .mebibytes(1))
      var disk = DiskImage(table: table)
      let content = try folder.writing([UInt8](repeating: 5, count: 1 << 20), to: "root.img")
      try disk.fill(3, with: content, called: "the root", key: "slot")
      let image = folder.appending(path: "disk.img")
      try disk.write(to: image.path)

      #expect(try FolderTree.fileSize(image.path) == disk.size)
      #expect(allocated(image) <= (1 << 20) * 11 / 10)
      #expect(try FolderTree.names(in: folder.path) == ["disk.img", "root.img"])

      let large = folder.appending(path: "large.img")
      try SparseFile.create(large.path, size: 2 << 20)
      #expect(throws: DoesNotFit.self) { try disk.fill(1, with: large, called: "it", key: "boot") }
    }
  }

  @Test("An image that cannot be written leaves the old one in place and no part of the new one")
  func failure() async throws {
    try await withTemporaryFolder { folder in
      var disk = DiskImage(
        table: Layout.applianceAB.table(
          ids: DiskIdentity(project: "p", image: "i"), rootType: .linuxRootX86_64, rootContent: .mebibytes(1)))
      let content = try folder.writing("x", to: "root.img")
      try disk.fill(3, with: content, called: "the root", key: "slot")
      try FileManager.default.removeItem(at: content)
      let image = try folder.writing("old", to: "disk.img")

      #expect(throws: FileFailure.self) { try disk.write(to: image.path) }

      #expect(try folder.text("disk.img") == "old")
      #expect(try FolderTree.names(in: folder.path) == ["disk.img"])
    }
  }
}
