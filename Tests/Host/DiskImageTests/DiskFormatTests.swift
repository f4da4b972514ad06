import Foundation
import Glibc
import HostSystem
import PartitionTable
import TestFixtures
import Testing

@testable import DiskImage

@Suite("Formats of a disk image, judged by other implementations")
struct DiskFormatTests {
  /// Makes a disk with content, zeros in files, and unused blocks.
  private func withDisk(_ work: (URL, DiskImage, URL) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      var disk = DiskImage(
        table: Layout.applianceAB.table(
          ids: DiskIdentity(project: "p", image: "i"), rootType: .linuxRootX86_64, rootContent: .mebibytes(1)))
      var root = [UInt8](repeating: 7, count: 3 << 20)
      root.replaceSubrange(1 << 20..<2 << 20, with: [UInt8](repeating: 0, count: 1 << 20))
      try disk.fill(3, with: try folder.writing(root, to: "root.img"), called: "the root", key: "slot")
      let image = folder.appending(path: "disk.img")
      try disk.write(to: image.path)
      try await work(folder, disk, image)
    }
  }

  private func judge(_ program: String, _ arguments: [String]) throws {
    let verdict = try Judge(program).run(arguments, environment: ["LC_ALL": "C.UTF-8"])
    #expect(verdict.status == 0, "\(program): \(verdict.output)\(verdict.errors)")
  }

  @Test("bmaptool can copy by the block map, which includes zeros of files but not the empty slot")
  func blockMap() async throws {
    try await withDisk { folder, disk, image in
      let used = try disk.usedBlocks()
      // The first mebibyte, the root file system, and the table at the end.
      let expected: [Range<Int64>] = [0..<256, 66_048..<66_816, 360_960..<361_216]
      #expect(used.ranges == expected)
      let map = try BlockMap(of: image.path, used: used)
      let file = try folder.writing(map.text, to: "disk.img.bmap")
      let target = folder.appending(path: "target")

      try judge("bmaptool", ["copy", "--bmap", file.path, image.path, target.path])

      try judge("cmp", [image.path, target.path])
      #expect(try BlockMap(text: map.text, path: file.path) == map)
    }
  }

  @Test("A modified block map is refused", arguments: [("66048", "66049"), ("sha256", "md5"), ("2.0", "1.4")])
  func damage(part: String, other: String) async throws {
    try await withDisk { _, disk, image in
      let text = try BlockMap(of: image.path, used: disk.usedBlocks()).text
      #expect(text.contains(part))
      #expect(throws: BlockMapFailure.self) { try BlockMap(text: text.replacing(part, with: other), path: "map") }
    }
  }

  @Test("qemu-img accepts the qcow2 image and converts it to the same raw image")
  func qcow2() async throws {
    try await withDisk { folder, _, image in
      let file = folder.appending(path: "disk.qcow2").path
      try Qcow2Image.write(image.path, to: file)

      try judge("qemu-img", ["check", file])
      let back = folder.appending(path: "back.img").path
      try judge("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", file, back])
      try judge("cmp", [image.path, back])
      #expect(try FolderTree.fileSize(file) < 8 << 20)
    }
  }

  @Test("A qcow2 image of a full disk whose tables take several clusters")
  func largeQcow2() async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "disk.img")
      try SparseFile.create(image.path, size: 3 << 30)
      let descriptor = open(image.path, O_WRONLY)
      for offset in [0, 700 << 20, (3 << 30) - 4096] { #expect(pwrite(descriptor, "x", 1, offset) == 1) }
      close(descriptor)
      let file = folder.appending(path: "disk.qcow2").path
      try Qcow2Image.write(image.path, to: file)

      try judge("qemu-img", ["check", file])
      try judge("qemu-img", ["compare", image.path, file])
    }
  }

  @Test("simg2img converts an Android sparse image back to the raw image")
  func androidSparse() async throws {
    try await withDisk { folder, disk, image in
      let file = folder.appending(path: "disk.simg").path
      try AndroidSparseImage.write(image.path, used: disk.usedBlocks(), to: file)

      let back = folder.appending(path: "back.img").path
      try judge("simg2img", [file, back])
      try judge("cmp", [image.path, back])
      #expect(try FolderTree.fileSize(file) < 4 << 20)
    }
  }

  @Test("The used blocks of ext4 are those that dumpe2fs does not list as free", arguments: [64, 700, 5000])
  func ext4Usage(mebibytes: Int) async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "data.img")
      try folder.writing([UInt8](repeating: 1, count: 1 << 20), to: "content/file")
      try judge(
        "mke2fs",
        ["-q", "-t", "ext4", "-b", "4096", "-d", folder.appending(path: "content").path, image.path, "\(mebibytes)M"])

      let used = BlockRanges(bytes: try UsedBytes.ext4.ranges(in: image.path))

      let free = try Judge("dumpe2fs").run([image.path], environment: ["LC_ALL": "C.UTF-8"]).output
        .split(separator: "\n").filter { $0.hasPrefix("  Free blocks: ") }
        .flatMap { $0.split(separator: ":")[1].split(separator: ",") }
        .map { $0.trimmingCharacters(in: .whitespaces).split(separator: "-").compactMap { Int64($0) } }
        .filter { !$0.isEmpty }
      #expect(free.count > 0)
      var freeBlocks: Int64 = 0
      for bounds in free {
        let range = bounds[0]..<bounds[bounds.count - 1] + 1
        freeBlocks += Int64(range.count)
        #expect(!used.ranges.contains { $0.overlaps(range) })
      }
      #expect(used.count + freeBlocks == Int64(mebibytes) * 256)
    }
  }

  @Test("The used blocks of FAT32 end with the last file")
  func fatUsage() async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "boot.img").path
      try SparseFile.create(image, size: 256 << 20)
      try judge("mkfs.fat", ["-F", "32", image])
      let empty = try UsedBytes.fat32.ranges(in: image)
      let file = try folder.writing([UInt8](repeating: 0, count: 3 << 20), to: "zeros")
      try judge("mcopy", ["-i", image, file.path, "::/zeros"])

      let used = try UsedBytes.fat32.ranges(in: image)

      #expect(empty.count == 1 && empty[0].lowerBound == 0 && empty[0].upperBound < 8 << 20)
      let expected = 0..<empty[0].upperBound + Int64(3 << 20)
      #expect(used == [expected])
      #expect(throws: FileFailure.self) { try UsedBytes.ext4.ranges(in: image) }
      #expect(throws: FileFailure.self) { try UsedBytes.fat32.ranges(in: file.path) }
    }
  }
}
