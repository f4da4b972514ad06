import Bundle
import BundleMaking
import Foundation
import TestFixtures
import Testing

/// Real file systems, made by the field's own tools, whose checkers judge what comes out.
@Suite("Bundles of file systems")
struct FileSystemMatrixTests {
  /// A kind of file system.
  enum Kind: String, CaseIterable {
    case erofs, erofsLZ4, ext4, squashfs

    /// The shell's words that make `image` of `tree`, and that judge it.
    var commands: (make: String, judge: String) {
      switch self {
      case .erofs: ("mkfs.erofs -T0 -U 00000000-0000-4000-8000-000000000001 image tree", "fsck.erofs image")
      case .erofsLZ4:
        ("mkfs.erofs -zlz4hc -T0 -U 00000000-0000-4000-8000-000000000001 image tree", "fsck.erofs --extract image")
      case .ext4:
        (
          "mke2fs -q -t ext4 -d tree -U 00000000-0000-4000-8000-000000000001"
            + " -E hash_seed=00000000-0000-4000-8000-000000000002,root_owner=0:0 image $SIZE", "e2fsck -fn image"
        )
      case .squashfs:
        ("mksquashfs tree image -quiet -noappend -no-xattrs -no-progress", "rm -rf out; unsquashfs -q -n -d out image")
      }
    }
  }

  /// What the tree became.
  enum Change: CaseIterable {
    case same, edited, grown, shrunk, different

    /// The shell's words that do it in `tree`, and the size of a file system that has one.
    var commands: (String, size: String) {
      switch self {
      case .same: (":", "8M")
      case .edited:
        ("echo changed >> tree/d3/f7; cat tree/d1/f1 >> tree/d2/f2; rm tree/d4/f4; echo new > tree/d0/new", "8M")
      case .grown: ("mkdir tree/more; for n in 1 2 3 4; do cat tree/d$n/* > tree/more/$n; done", "12M")
      case .shrunk: ("rm -r tree/d5 tree/d6 tree/d7", "6M")
      case .different:
        ("rm -r tree/*; for n in 1 2 3 4 5 6; do head -c 400000 /dev/urandom > tree/$n; done", "8M")
      }
    }
  }

  @Test(
    "the new file system comes out byte for byte, from the old one and without it", arguments: Kind.allCases,
    Change.allCases)
  func roundTrip(kind: Kind, change: Change) async throws {
    try await withTemporaryFolder { folder in
      let shell = try Judge("sh")
      func run(_ script: String, size: String = "8M") throws {
        let verdict = try shell.run(
          ["-ec", script], in: folder,
          environment: ["SIZE": size, "SOURCE_DATE_EPOCH": "0", "E2FSPROGS_FAKE_TIME": "1"])
        try #require(verdict.status == 0, "\(script): \(verdict.output)\(verdict.errors)")
      }
      // Programs of this machine, so that there is something to find again.
      try run(
        """
        for d in 0 1 2 3 4 5 6 7; do
          mkdir -p tree/d$d
          find /usr/bin -maxdepth 1 -type f -size +8k | sort | sed -n "$((d * 12 + 1)),$((d * 12 + 12))p" | while read -r name; do
            head -c 40000 "$name" > tree/d$d/f$((i += 1))
          done
        done
        find tree -exec touch -h -d @0 {} +
        \(kind.commands.make) > /dev/null; mv image old
        \(change.commands.0)
        find tree -exec touch -h -d @0 {} +
        """)
      try run("rm -f image; \(kind.commands.make) > /dev/null; mv image new", size: change.commands.size)
      let (old, new) = (folder.appending(path: "old"), folder.appending(path: "new"))
      for base in [nil, old] {
        let bundle = folder.appending(path: "bundle")
        try await BundleMaker(wholeLevel: 3).make(
          Sample.manifest, of: [.init(name: "root", file: new, base: base)], to: bundle)
        let slot = try StorageFile(
          making: folder.appending(path: "image").path, size: UInt64(try Data(contentsOf: new).count))
        // Without a base in the bundle, the old one is used all the same.
        let progress = try Sample.install(
          bundle, bases: ["root": try StorageFile(old.path)], targets: ["root": slot])
        try run("cmp image new && \(kind.commands.judge) > /dev/null")
        if change == .same { #expect(progress.fetched < 20_000) }
      }
    }
  }
}
