import Bundle
import BundleMaking
import Foundation
import TestFixtures
import Testing

/// Tests with real file systems, made and checked by standard tools.
@Suite("Bundles of file systems")
struct FileSystemMatrixTests {
  enum Kind: String, CaseIterable {
    case erofs, erofsLZ4, ext4, squashfs

    /// Shell commands that make `image` from `tree`, and check it.
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

  /// A change to the tree.
  enum Change: CaseIterable {
    case same, edited, grown, shrunk, different

    /// The shell command that changes `tree`, and the size of a file system for it.
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
    "The new file system is reproduced byte for byte, with and without the old one", arguments: Kind.allCases,
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
      // Programs of this machine, so that there is repeated content.
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
        // The old image is used even if the bundle has no base.
        let progress = try Sample.install(
          bundle, bases: ["root": try StorageFile(old.path)], targets: ["root": slot])
        try run("cmp image new && \(kind.commands.judge) > /dev/null")
        if change == .same { #expect(progress.fetched < 20_000) }
      }
    }
  }
}
