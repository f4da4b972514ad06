import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("A built image, judged by standard tools", .enabled(if: Workshop.isReady, Workshop.condition))
struct ImageJudgesTests {
  private func judge(_ program: String, _ arguments: [String], accepts: String = "") throws {
    let verdict = try Judge(program).run(arguments, environment: ["LC_ALL": "C.UTF-8"])
    #expect(verdict.status == 0, "\(program): \(verdict.output)\(verdict.errors)")
    #expect(verdict.output.contains(accepts) || accepts.isEmpty, "\(program): \(verdict.output)")
  }

  @Test("Partition table, boot, root and data file systems are valid; the image takes the space of its content")
  func standard() async throws {
    try await Workshop.withProject { folder in
      let image = try Workshop.build(folder)
      try judge("sfdisk", ["--verify", image.file.path], accepts: "No errors detected")
      try judge("fsck.fat", ["-n", "-v", try image.partition("boot", to: folder).path])
      try judge("e2fsck", ["-fn", try image.partition("data", to: folder).path])
      let root = try image.partition("root-a", to: folder).path
      try judge("fsck.erofs", [root])
      try judge("dump.erofs", ["-s", root], accepts: "Filesystem")
      let other = try image.partition("root-b", to: folder)
      try judge("cmp", ["--bytes=\(512 << 20)", other.path, "/dev/zero"])

      // Content is every block of 4 KiB with a byte other than zero.
      let zeros = [UInt8](repeating: 0, count: 4096)
      let content = try Data(contentsOf: image.file, options: .alwaysMapped).withUnsafeBytes { whole in
        stride(from: 0, to: whole.count, by: zeros.count).reduce(Int64(0)) { sum, start in
          guard let block = whole.baseAddress?.advanced(by: start) else { return sum }
          return memcmp(block, zeros, zeros.count) == 0 ? sum : sum + Int64(zeros.count)
        }
      }
      var status = stat()
      #expect(stat(image.file.path, &status) == 0)
      #expect(Int64(status.st_blocks) * 512 <= content * 110 / 100)
    }
  }

  @Test("A squashfs root is valid and small")
  func squashfs() async throws {
    try await Workshop.withProject(image: "layout: { use: appliance-ab, root: squashfs }") { folder in
      let image = try Workshop.build(folder)
      let root = try image.partition("root-a", to: folder).path
      try judge("unsquashfs", ["-s", root], accepts: "zstd")
      try judge("unsquashfs", ["-lln", root], accepts: "squashfs-root/usr/lib/programs/hello")
    }
  }

  @Test("An ext4 root is valid")
  func ext4() async throws {
    try await Workshop.withProject(image: "layout: { use: appliance-ab, root: ext4, slot: 128M }") { folder in
      let image = try Workshop.build(folder)
      let root = try image.partition("root-a", to: folder).path
      try judge("e2fsck", ["-fn", root])
      try judge("debugfs", ["-R", "stat /usr/lib/programs/hello", root], accepts: "Mode:  0755")
    }
  }

  @Test("A Debian program has its libraries and copyright file, but no documentation or scripts")
  func debianProgram() async throws {
    try await Workshop.withProject(programs: [Workshop.Program.curl]) { folder in
      let image = try Workshop.build(folder)
      let root = try image.unpackedRoot(folder)

      let names = Set(image.manifest.packages.map(\.name))
      #expect(names.isSuperset(of: ["curl", "libc6", "tzdata", "ca-certificates"]))
      #expect(!names.contains("debconf") && !names.contains("dpkg"))
      // The image's own loader shows if every library is found.
      let libraries = "\(root.path)/usr/lib/x86_64-linux-gnu"
      let verdict = try Judge(at: root.appending(path: "usr/lib64/ld-linux-x86-64.so.2")).run([
        "--library-path", libraries, "\(root.path)/usr/bin/curl", "--version",
      ])
      #expect(verdict.status == 0 && verdict.output.hasPrefix("curl "), "\(verdict.errors)")
      let documents = try Judge("find").run(["\(root.path)/usr/share/doc", "-type", "f", "-printf", "%f\n"]).output
      #expect(Set(documents.split(separator: "\n")) == ["copyright"])
      #expect(!FileManager.default.fileExists(atPath: "\(root.path)/usr/share/man"))
      #expect(!FileManager.default.fileExists(atPath: "\(root.path)/DEBIAN"))
    }
  }
}
