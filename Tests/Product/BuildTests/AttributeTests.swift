import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Attributes of files in a root file system", .enabled(if: Workshop.isReady, Workshop.condition))
struct AttributeTests {
  /// Builds a system with a step that sets attributes of files, and passes on its folder.
  private func build(_ kind: String, lists: Bool, _ work: (URL, Judge.Verdict) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      try folder.writing(
        """
        cultivar: 1
        name: test
        images:
          box:
            device: generic-x86_64
            base: trixie
            layout: { use: system-single, root: \(kind) }
            kernel: { package: linux-image-cloud-amd64 }
            layers: [attributes]
        """, to: "cultivar.yaml")
      try folder.writing(
        """
        cultivar: 1
        description: Files with attributes
        packages: [acl, attr, libcap2-bin, mtr-tiny]
        # Nothing starts this root.
        files: [{ path: /usr/lib/systemd/systemd, content: "", mode: "0755" }]
        steps:
          set:
            run: |
              mkdir -p "/srv/a folder"
              touch /srv/capable "/srv/a folder/named"
              setcap cap_net_raw+ep /srv/capable
              setfattr -n user.colour -v blue "/srv/a folder/named"
              \(lists ? "setfacl -m u:33:rwx /srv/capable; setfacl -d -m u:33:rwx '/srv/a folder'" : "")
        """, to: "layers/attributes/layer.yaml")
      let verdict = try Workshop.run(["build", "-q"], in: folder, environment: LibrarySystem.environment)
      try work(folder, verdict)
    }
  }

  /// True if this kernel can mount an EROFS image.
  private static let canMount =
    geteuid() == 0 && access("/dev/loop-control", F_OK) == 0
    && ((try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? "").contains("\terofs\n")

  /// Returns the attributes of a few files, read by the kernel or by the tool of the file system.
  private func attributes(_ folder: URL, _ kind: String) throws -> [String: Set<String>] {
    let root = try BuiltImage(folder.appending(path: "build/box")).partition("root", to: folder)
    var result: [String: Set<String>] = [:]
    let paths = ["srv/capable", "srv/a folder", "srv/a folder/named", "usr/bin/mtr-packet"]
    if kind == "erofs", Self.canMount {
      // The kernel is the judge. The mount ends with its namespace.
      let script = """
        mkdir mounted; mount -t erofs -o ro,loop "$0" mounted; cd mounted
        python3 -c 'import os, sys
        for path in sys.argv[1:]: print(path, *os.listxattr(path), sep="\\t")' "$@"
        getcap srv/capable usr/bin/mtr-packet
        """
      let verdict = try Judge("unshare").run(
        ["--mount", "--propagation", "private", "sh", "-euc", script, root.path] + paths, in: folder)
      try #require(verdict.status == 0, "\(verdict.errors)")
      #expect(
        verdict.output.contains("srv/capable cap_net_raw=ep\nusr/bin/mtr-packet cap_net_raw=ep\n"),
        "\(verdict.output)")
      for line in verdict.output.split(separator: "\n") {
        let words = line.split(separator: "\t").map(String.init)
        result[words[0], default: []].formUnion(words.dropFirst())
      }
      return result
    }
    for path in paths {
      switch kind {
      case "ext4":
        let said = try Judge("debugfs").run(["-R", "ea_list \"/\(path)\"", root.path]).output
        result[path] = Set(
          said.split(separator: "\n").compactMap { line in
            line.hasPrefix("  ") ? line.split(separator: " ").first.map(String.init) : nil
          })
      default:
        let script = """
          import os, sys
          print(" ".join(os.listxattr(sys.argv[1])))
          """
        let unpacked = folder.appending(path: "unpacked")
        if !FileManager.default.fileExists(atPath: unpacked.path) {
          if kind == "squashfs" {
            try Judge("unsquashfs").run(["-d", unpacked.path, root.path])
          } else {
            let tools = Workshop.cache.appending(path: "store/tools")
            let name = try #require(try FolderTree.names(in: tools.path).last)
            let libraries = tools.appending(path: "\(name)/usr/lib/x86_64-linux-gnu").path
            try Judge(at: URL(fileURLWithPath: "\(libraries)/ld-linux-x86-64.so.2")).run([
              "--library-path", libraries, tools.appending(path: "\(name)/usr/bin/fsck.erofs").path,
              "--extract=\(unpacked.path)", "--xattrs", root.path,
            ])
          }
        }
        let said = try Judge("python3").run(["-c", script, unpacked.appending(path: path).path])
        try #require(said.status == 0, "\(said.errors)")
        result[path] = Set(said.output.split(whereSeparator: \.isWhitespace).map(String.init))
      }
    }
    return result
  }

  @Test("Capabilities, user attributes and access control lists are preserved", arguments: ["erofs", "ext4"])
  func kept(kind: String) async throws {
    try await build(kind, lists: true) { folder, verdict in
      try #require(verdict.status == 0, "\(verdict.errors)")
      let found = try attributes(folder, kind)

      #expect(found["srv/a folder/named"]?.contains("user.colour") == true, "\(found)")
      #expect(found["srv/a folder"]?.contains("system.posix_acl_default") == true, "\(found)")
      #expect(found["srv/capable"]?.contains("system.posix_acl_access") == true, "\(found)")
      // fsck.erofs does not restore capabilities when it unpacks.
      guard kind == "ext4" || Self.canMount else { return }
      for path in ["srv/capable", "usr/bin/mtr-packet"] {
        #expect(found[path]?.contains("security.capability") == true, "\(path): \(found)")
      }
    }
  }

  @Test("squashfs is refused for files with access control lists, which it cannot store, and otherwise accepted")
  func squashfs() async throws {
    try await build("squashfs", lists: true) { _, verdict in
      #expect(verdict.status == 1)
      #expect(
        verdict.errors.contains("squashfs cannot store access control lists, and /srv/a folder and 1 others have one"),
        "\(verdict.errors)")
    }
    try await build("squashfs", lists: false) { folder, verdict in
      try #require(verdict.status == 0, "\(verdict.errors)")
      let found = try attributes(folder, "squashfs")
      #expect(found["srv/a folder/named"]?.contains("user.colour") == true, "\(found)")
      guard geteuid() == 0 else { return }
      for path in ["srv/capable", "usr/bin/mtr-packet"] {
        #expect(found[path]?.contains("security.capability") == true, "\(path): \(found)")
      }
    }
  }
}
