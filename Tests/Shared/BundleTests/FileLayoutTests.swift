import Bundle
import Foundation
import TestFixtures
import Testing

@testable import BundleMaking

/// Checks the extents of files in images made by standard file system tools.
@Suite("Files in images")
struct FileLayoutTests {
  /// Shell commands that make `image` from `tree`, and true if each file has to be found.
  private static let kinds: [(make: String, findsAll: Bool)] = [
    ("mkfs.erofs -T0 -Enoinline_data image tree", true), ("mkfs.erofs -T0 image tree", true),
    ("mkfs.erofs -T0 -zlz4hc image tree", false), ("mke2fs -q -t ext4 -d tree image 8M", true),
    ("mke2fs -q -t ext3 -b 1024 -d tree image 8M", true),
  ]

  /// Makes a folder with a `tree` of files of many sizes.
  private func withTree(_ body: (_ folder: URL, _ run: (String) throws -> Void) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let shell = try Judge("sh")
      func run(_ script: String) throws {
        let verdict = try shell.run(["-ec", script], in: folder)
        try #require(verdict.status == 0, "\(script): \(verdict.output)\(verdict.errors)")
      }
      try run(
        """
        mkdir -p tree/deep/er tree/empty
        for size in 1 700 4095 4096 4097 9000 300000; do
          seq $size $((size + 99999)) | head -c $size > tree/deep/er/$size
        done
        for number in $(seq 1 300); do echo $number > tree/deep/a-file-of-many-$number; done
        : > tree/nothing; ln -s nothing tree/link
        """)
      try body(folder, run)
    }
  }

  @Test("The extents of each file contain its bytes", arguments: kinds)
  func stretches(make: String, findsAll: Bool) async throws {
    try await withTree { folder, run in
      try run("\(make) > /dev/null")
      let image = try MappedImage(folder.appending(path: "image").path)
      let files = try #require(FileLayout(of: image)).files
      for (path, extents) in files {
        let content = try Data(contentsOf: folder.appending(path: "tree/\(path)"))
        var found = Data()
        for extent in extents {
          #expect(extent.position == found.count, "\(path)")
          found += image.bytes[extent.place..<extent.place + extent.length]
        }
        #expect(found == content, "\(path)")
      }
      if findsAll { #expect(files.count == 307) }
    }
  }

  @Test("A moved file is looked for at its old place", arguments: [kinds[0].make, kinds[3].make])
  func hints(make: String) async throws {
    try await withTree { folder, run in
      try run("\(make) > /dev/null; mv image old; head -c 100000 /dev/zero > tree/deep/a-new-one; \(make) > /dev/null")
      let old = try MappedImage(folder.appending(path: "old").path)
      let new = try MappedImage(folder.appending(path: "image").path)
      let hints = try #require(PathHints(from: old, to: new))
      let before = try #require(FileLayout(of: old)?.files["deep/er/300000"]?.first)
      let after = try #require(FileLayout(of: new)?.files["deep/er/300000"]?.first)
      // `mke2fs` adds the files in the order in which this machine's file system lists them.
      if make.hasPrefix("mkfs.erofs") { #expect(before.place != after.place) }
      // The third block of the file.
      let block = after.place / BundleLimits.block + 2
      let wanted = before.place / BundleLimits.block + 2
      #expect(hints.ranges(for: block..<block + 1).contains { ($0.start..<$0.end).contains(wanted) })
      #expect(hints.ranges(for: new.blockCount..<new.blockCount + 1).isEmpty)
    }
  }

  @Test("A damaged image, or one of another kind, has no extents, or only extents within the image")
  func damage() async throws {
    try await withTree { folder, run in
      let squashed = "mksquashfs tree image -quiet -noappend -no-progress > /dev/null"
      for (make, _) in Self.kinds + [(squashed, false)] {
        try run("rm -f image; \(make) > /dev/null")
        let file = folder.appending(path: "image")
        let whole = try Data(contentsOf: file)
        var generator = SeededGenerator(seed: 7)
        for round in 0..<60 {
          var bytes = whole
          // Most of the data that is read is at the beginning. Some changed bytes are anywhere.
          for _ in 0..<40 {
            let reach = round % 2 == 0 ? min(bytes.count, 64 << 10) : bytes.count
            bytes[1024 + Int(generator.next() % UInt64(reach - 1024))] = UInt8(truncatingIfNeeded: generator.next())
          }
          if round % 5 == 0 { bytes = bytes.prefix(Int(generator.next() % UInt64(bytes.count))) }
          try bytes.write(to: file)
          let image = try MappedImage(file.path)
          for extent in FileLayout(of: image)?.files.values.flatMap(\.self) ?? [] {
            #expect(extent.place >= 0 && extent.place + extent.length <= image.bytes.count)
          }
        }
      }
    }
  }
}
