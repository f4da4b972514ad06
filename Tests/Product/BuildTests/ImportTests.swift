import Foundation
import HostSystem
import Lock
import TestFixtures
import Testing

@Suite("A published image becomes a root unchanged", .enabled(if: Workshop.isReady, Workshop.condition))
struct ImportTests {
  /// Forms in which the same root is published.
  enum Form: String, CaseIterable {
    case fileSystem, mbr, gpt, xz, zstd, gzip, recovered, tar, tarXZ
  }

  /// Makes a project with a base and without packages for a test.
  ///
  /// - Parameter prepare: Makes the image, `base` in the folder.
  private func withBase(
    _ keys: String = "", _ prepare: (URL) throws -> Void, _ work: (URL) throws -> Void
  ) async throws {
    try await Workshop.withProject { folder in
      try prepare(folder)
      try folder.writing(
        """
        cultivar: 1
        name: test
        images:
          box: { device: generic-x86_64, layout: system-single, base: { image: ./base\(keys) } }
        """, to: "cultivar.yaml")
      try work(folder)
    }
  }

  private func publish(_ form: Form, in folder: URL) throws {
    let tree = try PublishedImage.smallTree(in: folder)
    let data = folder.appending(path: "more")
    try data.writing("page", to: "index.html")
    try PublishedImage.run(
      """
      mkdir -p tree/srv tree/dev && cd tree/srv && printf x > first && ln first second && ln -s /etc/passwd link
      : > 'a name  with é' && truncate -s 3M holes && printf end >> holes && printf '#!/bin/sh\\n' > special
      """, in: folder)
    let root = try PublishedImage.fileSystem(
      "root", of: tree,
      changes: [
        "set_inode_field /srv/special mode 0106751", "set_inode_field /srv/special uid 65534",
        "set_inode_field /srv/special gid 33", "cd /srv", "mknod pipe p", "mknod node c 5 1",
      ] + (form == .recovered ? ["feature needs_recovery"] : []), in: folder)
    let boot = try PublishedImage.fat("boot", label: "FIRM", in: folder)
    let more = try PublishedImage.fileSystem(
      "data", of: data, kind: "ext2", options: ["-U", "11111111-2222-3333-4444-555555555555"], size: "2M", in: folder)
    func disk(_ label: String) throws {
      let types = label == "dos" ? ["c", "83", "83"] : ["uefi", "linux", "linux"]
      _ = try PublishedImage.disk("base", label: label, Array(zip(types, [boot, root, more])), in: folder)
    }
    switch form {
    case .fileSystem, .recovered: try PublishedImage.run("mv root base", in: folder)
    case .mbr: try disk("dos")
    case .gpt: try disk("gpt")
    case .xz, .zstd, .gzip:
      try disk("dos")
      try PublishedImage.run("mv base raw; \(form.rawValue) -1 -c raw > base", in: folder)
    case .tar, .tarXZ:
      try PublishedImage.run(
        """
        chmod 6751 tree/srv/special; mkfifo tree/srv/pipe
        tar -c --owner=0 --group=0 -C tree --exclude=./srv/special . > base
        tar -r --owner=65534 --group=33 -C tree -f base ./srv/special
        \(form == .tarXZ ? "mv base raw; xz -1 -c raw > base" : "")
        """, in: folder)
    }
  }

  @Test(
    "Owners, modes, links, holes and further partitions are kept; device nodes and mounts are not",
    arguments: Form.allCases)
  func kept(form: Form) async throws {
    let isDisk = ![.fileSystem, .recovered, .tar, .tarXZ].contains(form)
    let questions = """
      cd /srv; stat -c '%n %a %u %g %h' first second special; ls; cat link; stat -c %s holes; cat /etc/fstab
      ls /boot; \(isDisk ? "cat /boot/firmware/config.txt '/boot/firmware/overlays/A long name.dtbo' data/index.html" : "")
      """
    try await withBase {
      try publish(form, in: $0)
    } _: { folder in
      let verdict = try Workshop.run(
        ["shell", "--", "sh", "-euc", questions], in: folder, environment: LibrarySystem.environment)

      try #require(verdict.status == 0, "\(verdict.errors)")
      let isTar = form == .tar || form == .tarXZ
      #expect(
        verdict.output == """
          first 644 0 0 2
          second 644 0 0 2
          special 6751 65534 33 1
          a name  with é
          \(isDisk ? "data\n" : "")first
          holes
          link
          pipe
          second
          special
          root:x:0:0:root:/root:/bin/sh
          3145731
          tmpfs /var/tmp tmpfs size=8M 0 0
          \(isDisk ? "firmware\n" : "")vmlinuz-6.1.0-10
          vmlinuz-6.1.0-9

          """ + (isDisk ? "arm_64bit=1\noverlaypage" : ""), "\(isTar)")
      #expect(try folder.text("cultivar.lock").contains("\"bases\""))
    }
  }

  @Test("A changed image is refused until the lock file is updated; --locked accepts only a locked one")
  func locked() async throws {
    try await withBase {
      try publish(.tar, in: $0)
    } _: { folder in
      func run(_ arguments: String...) throws -> Judge.Verdict {
        try Workshop.run(arguments, in: folder, environment: LibrarySystem.environment)
      }
      let refused = try run("build", "--quiet", "--locked")
      #expect(refused.errors.contains("image base"), "\(refused.errors)")
      #expect(try run("shell", "--", "ls", "/").status == 0)
      let before = try run("plan").output

      try PublishedImage.run("mkdir news; tar -r -C . -f base ./news", in: folder)
      let changed = try run("shell", "--", "ls", "/")
      let outdated = try run("outdated").output
      let renewed = try run("lock", "--quiet", "--update", "base")
      let after = try run("shell", "--", "ls", "/")

      #expect(before.contains("cached  base base"), "\(before)")
      #expect(
        changed.errors.contains("the image base is not the one in cultivar.lock")
          && changed.errors.contains("`cultivar lock --update base`"), "\(changed.errors)")
      #expect(outdated.contains("base"), "\(outdated)")
      #expect(renewed.status == 0, "\(renewed.errors)")
      #expect(after.output.contains("news"), "\(after.errors)")
    }
  }

  @Test(
    "An /etc/fstab that is a link to a device or a pipe is not read, and does not block",
    .timeLimit(.minutes(10)), arguments: ["ln -s /dev/zero", "ln -s /etc/hostname", "mkfifo"])
  func table(command: String) async throws {
    try await withBase {
      _ = try PublishedImage.smallTree(in: $0)
      try PublishedImage.run("rm tree/etc/fstab; \(command) tree/etc/fstab; tar -c -C tree . > base", in: $0)
    } _: { folder in
      let verdict = try Workshop.run(
        ["shell", "--", "ls", "-l", "/etc/"], in: folder, environment: LibrarySystem.environment)

      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(verdict.output.contains("fstab"))
    }
  }

  // MARK: Mistakes

  /// An image that cannot be a base.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Further keys of `base`.
    var keys = ""
    /// The expected message.
    var message: String
    /// Makes the image, `base` in the folder.
    var make: @Sendable (URL) throws -> Void

    init(_ name: String, keys: String = "", _ message: String, make: @escaping @Sendable (URL) throws -> Void) {
      (testDescription, self.keys, self.message, self.make) = (name, keys, message, make)
    }
  }

  /// Makes a disk with a root partition and others.
  private static func disk(_ folder: URL, _ others: [String: String], roots: Int = 1) throws {
    let root = try PublishedImage.fileSystem("root", of: try PublishedImage.smallTree(in: folder), in: folder)
    var partitions = [(type: String, file: URL)](repeating: ("83", root), count: roots)
    for (name, script) in others.sorted(by: { $0.key < $1.key }) {
      try PublishedImage.run("truncate -s 4M \(name); \(script)", in: folder)
      partitions.append(("83", folder.appending(path: name)))
    }
    _ = try PublishedImage.disk("base", label: "dos", partitions, in: folder)
  }

  static let mistakes = [
    Mistake("no image", "it is unknown content, not a tar archive, a file system or a disk") {
      try $0.writing("PNG\n", to: "base")
    },
    Mistake("a wrong hash", keys: ", sha256: \(String(repeating: "a", count: 64))", "but the project file has aaaaaaaa")
    {
      try $0.writing("PNG\n", to: "base")
    },
    Mistake("an xz that ends early", "it cannot be unpacked") {
      try PublishedImage.run("head -c 300000 /dev/urandom | xz -1 | head -c 200000 > base", in: $0)
    },
    Mistake("a gzip that is damaged", "it cannot be unpacked") {
      try PublishedImage.run(
        "head -c 300000 /dev/urandom | gzip > base; printf damage | dd of=base bs=1 seek=1000 conv=notrunc status=none",
        in: $0)
    },
    Mistake("a whole disk of another kind", "it is btrfs, not a tar archive") {
      try PublishedImage.run(
        "truncate -s 4M base; printf _BHRfS_M | dd of=base bs=1 seek=65600 conv=notrunc status=none", in: $0)
    },
    Mistake(
      "no root", "it has partition 1 (ext2/3/4), partition 2 (LUKS encryption), partition 3 (an LVM physical volume)"
    ) {
      try disk(
        $0,
        [
          "a": "mke2fs -q -F a", "b": "printf 'LUKS\\272\\276' | dd of=b conv=notrunc status=none",
          "c": "printf LABELONE | dd of=c bs=1 seek=512 conv=notrunc status=none",
        ], roots: 0)
    },
    Mistake(
      "a part of the root in another form",
      "partition 2, which its /etc/fstab mounts at /home, is XFS, which cannot be read"
    ) {
      let tree = try PublishedImage.smallTree(in: $0)
      try tree.writing("/dev/mmcblk0p2 /home xfs defaults 0 0\n", to: "etc/fstab")
      let root = try PublishedImage.fileSystem("root", of: tree, in: $0)
      try PublishedImage.run("truncate -s 4M a; printf XFSB | dd of=a conv=notrunc status=none", in: $0)
      _ = try PublishedImage.disk("base", label: "dos", [("83", root), ("83", $0.appending(path: "a"))], in: $0)
    },
    Mistake("two roots", "the partitions 1, 2 each contain a Debian") { try disk($0, [:], roots: 2) },
    Mistake("a partition that is not there", keys: ", partition: 7", "it has no partition 7; it has 1") {
      try disk($0, [:])
    },
    Mistake("a partition that is no root", keys: ", partition: 2", "partition 2 is unknown content") {
      try disk($0, ["a": ":"])
    },
    Mistake("a disk that ends early", "it ends early: partition 1 has 25165824 bytes, but only 12582912 are there") {
      try disk($0, [:])
      try PublishedImage.run("truncate -s 13M base", in: $0)
    },
    Mistake("a damaged file system", "the file system of the image is damaged") {
      try disk($0, [:])
      // Marks blocks as free that are in use.
      try PublishedImage.run("mv root base", in: $0)
      let changed = try Judge("debugfs").run(["-w", "-R", "freeb 1000 900", "\($0.path)/base"])
      try #require(changed.status == 0, "\(changed.errors)")
    },
    Mistake("a feature that is not read", "the image is ext4 with the feature inline_data, which cannot be read") {
      let tree = try PublishedImage.smallTree(in: $0)
      _ = try PublishedImage.fileSystem("base", of: tree, options: ["-O", "inline_data"], in: $0)
    },
    Mistake("a link to the host's packages", "its root has no /var/lib/dpkg/status") {
      _ = try PublishedImage.smallTree(in: $0)
      try PublishedImage.run("rm -r tree/var; ln -s /var tree/var; tar -c -C tree . > base", in: $0)
    },
    Mistake(
      "a partition that is mounted by way of a link",
      "its /etc/fstab mounts a partition at /srv/data, which is a link"
    ) {
      let tree = try PublishedImage.smallTree(in: $0)
      try PublishedImage.run("mkdir tree/srv; ln -s /run/cultivar tree/srv/data", in: $0)
      let root = try PublishedImage.fileSystem("root", of: tree, in: $0)
      try $0.writing("page", to: "more/index.html")
      let data = try PublishedImage.fileSystem(
        "data", of: $0.appending(path: "more"), kind: "ext2",
        options: ["-U", "11111111-2222-3333-4444-555555555555"], size: "2M", in: $0)
      _ = try PublishedImage.disk("base", label: "dos", [("83", root), ("83", data)], in: $0)
    },
    Mistake("no packages", "its root has no /var/lib/dpkg/status") {
      _ = try PublishedImage.smallTree(in: $0)
      try PublishedImage.run("tar -c -C tree --exclude=./var . > base", in: $0)
    },
    Mistake("another architecture", "it is for arm64, but the image's device class is for amd64") {
      _ = try PublishedImage.smallTree(in: $0, architecture: "arm64")
      try PublishedImage.run("tar -c -C tree . > base", in: $0)
    },
    Mistake("another distribution", "it is Gentle 4, for which no Debian suite is known") {
      _ = try PublishedImage.smallTree(
        in: $0, release: "ID=gentle\nVERSION_CODENAME=gull\nPRETTY_NAME=\"Gentle 4\"\n")
      try PublishedImage.run("tar -c -C tree . > base", in: $0)
    },
  ]

  @Test("An unsuitable base is refused with the reason", arguments: mistakes)
  func refused(mistake: Mistake) async throws {
    try await withBase(mistake.keys) {
      try mistake.make($0)
    } _: { folder in
      let verdict = try Workshop.run(["build", "--quiet"], in: folder, environment: LibrarySystem.environment)

      #expect(verdict.status == 1)
      #expect(verdict.errors.contains("cannot use \(folder.path)/base as a base: "), "\(verdict.errors)")
      #expect(verdict.errors.contains(mistake.message), "\(verdict.errors)")
      // The last line has the remedy.
      #expect(verdict.errors.split(separator: "\n").last?.hasPrefix("  ") == true, "\(verdict.errors)")
    }
  }
}
