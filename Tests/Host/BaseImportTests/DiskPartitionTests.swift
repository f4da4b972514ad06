import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import BaseImport

@Suite("Disk images made by other programs")
struct DiskPartitionTests {
  @Test("Both kinds of partition table by sfdisk are read, with the IDs that Linux uses", arguments: ["dos", "gpt"])
  func tables(kind: String) async throws {
    try await withTemporaryFolder { folder in
      let disk = folder.appending(path: "disk").path
      try Judge("truncate").run(["-s", "64M", disk])
      let rows =
        kind == "dos"
        ? "label: dos\nlabel-id: 0x1a2b3c4d\nstart=2048,size=2048,type=c\nstart=4096,type=5\nstart=6144,size=2048,type=83\n"
        : "label: gpt\nstart=2048,size=2048,uuid=01234567-89AB-4DEF-8123-456789ABCDEF,name=boot\nstart=6144,size=2048\n"
      let made = try Judge("sfdisk").run(["-q", disk], input: try folder.writing(rows, to: "rows"))
      try #require(made.status == 0, "\(made.errors)")

      let partitions = try DiskPartition.all(in: try FileRange(URL(fileURLWithPath: disk)))

      #expect(partitions.map(\.number) == (kind == "dos" ? [1, 5] : [1, 2]))
      #expect(partitions.map(\.region.start) == [1 << 20, 3 << 20])
      #expect(partitions.map(\.size) == [1 << 20, 1 << 20])
      #expect(partitions.first?.id == (kind == "dos" ? "1a2b3c4d-01" : "01234567-89ab-4def-8123-456789abcdef"))
      #expect(partitions.first?.name == (kind == "dos" ? "" : "boot"))
    }
  }

  @Test("The kind of a partition is recognised by its content")
  func kinds() async throws {
    try await withTemporaryFolder { folder in
      func kind(_ tool: String, _ arguments: [String], size: String = "40M") throws -> StoredKind {
        let file = folder.appending(path: "part")
        try? FileManager.default.removeItem(at: file)
        try Judge("truncate").run(["-s", size, file.path])
        let made = try Judge(tool).run(arguments + [file.path])
        try #require(made.status == 0, "\(made.errors)")
        return try StoredKind(of: try FileRange(file))
      }

      let ext = try kind("mke2fs", ["-q", "-F", "-t", "ext3"])
      let fat32 = try kind("mkfs.fat", ["-F", "32", "-i", "0a0b0c0d", "-n", "FIRM WARE"])
      let fat16 = try kind("mkfs.fat", ["-F", "16", "-i", "11223344", "-n", "BOOT"], size: "16M")
      let swap = try kind("mkswap", ["-q"])
      let none = try kind("true", [])

      #expect(ext == .ext)
      #expect(fat32 == .fat(id: "0A0B-0C0D", label: "FIRM WARE"))
      #expect(fat16 == .fat(id: "1122-3344", label: "BOOT"))
      #expect(swap == .unreadable("swap"))
      #expect(none == .unknown)
    }
  }

  @Test(
    "Unsupported formats are recognised and named",
    arguments: [
      ("LUKS\u{BA}\u{BE}", 0, "LUKS encryption"), ("LABELONE", 512, "an LVM physical volume"),
      ("_BHRfS_M", 0x10040, "btrfs"), ("XFSB", 0, "XFS"), ("hsqs", 0, "squashfs"), ("NTFS    ", 3, "NTFS"),
      ("CD001", 32_769, "a CD or DVD image (ISO 9660)"), ("BZh9", 0, "a bzip2 file"),
    ])
  func unreadable(mark: String, offset: Int, name: String) async throws {
    try await withTemporaryFolder { folder in
      var bytes = [UInt8](repeating: 0, count: 80_000)
      let values = mark.unicodeScalars.map { UInt8($0.value) }
      bytes.replaceSubrange(offset..<offset + values.count, with: values)

      let kind = try StoredKind(of: try FileRange(try folder.writing(bytes, to: "part")))

      #expect(kind == .unreadable(name))
    }
  }

  @Test("Archives and compressed files are recognised by their first bytes, whatever their name")
  func files() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("content", to: "file")
      for format in ["gnu", "pax", "ustar", "v7"] {
        try Judge("tar").run(["-c", "--format=\(format)", "-f", "\(format).img", file.lastPathComponent], in: folder)
      }
      try Judge("sh").run(["-c", "xz -k file; gzip -k file; zstd -q -k file"], in: folder)

      let expected: [String: StoredKind] = [
        "gnu.img": .tar, "pax.img": .tar, "ustar.img": .tar, "v7.img": .tar, "file.xz": .compressed,
        "file.gz": .compressed, "file.zst": .compressed, "file": .unknown,
      ]
      for (name, kind) in expected {
        let found = try StoredKind(of: try FileRange(folder.appending(path: name)))
        #expect(found == kind, "\(name)")
      }
    }
  }
}
