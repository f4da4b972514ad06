import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Writing an image to a disk", .enabled(if: Workshop.isReady && LoopDisk.isPossible, Workshop.condition))
struct FlashTests {
  @Test("A fixed disk is refused unless its use is confirmed, and a disk that is too small before the first write")
  func refusals() async throws {
    try await Workshop.withProject { folder in
      _ = try Workshop.build(folder)
      try LoopDisk.with(mebibytes: 16, in: folder) { disk in
        let fixed = try Workshop.run(["flash", "box", disk.node, "--yes"], in: folder)
        #expect(fixed.status == 1 && fixed.errors.contains("--fixed-disk"), "\(fixed.errors)")
        let small = try Workshop.run(["flash", "box", disk.node, "--yes", "--fixed-disk"], in: folder)
        #expect(small.status == 1 && small.errors.contains("16 MiB"), "\(small.errors)")
        #expect(try FolderTree.readFile(disk.file.path).allSatisfy { $0 == 0 })
      }
    }
  }

  @Test("The disk has the image, with the values for the first start")
  func writes() async throws {
    try await Workshop.withProject(image: "formats: [bmap]") { folder in
      let image = try Workshop.build(folder)
      try folder.writing("correct horse\n", to: "password")
      try LoopDisk.with(mebibytes: 2048, in: folder) { disk in
        let words = ["--set", "hostname=attic", "--set", "wifi-ssid=roof", "--set", "wifi-password=@password"]
        let verdict = try Workshop.run(["flash", "box", disk.node, "--yes", "--fixed-disk"] + words, in: folder)
        #expect(verdict.status == 0, "\(verdict.errors)")
        #expect(!(verdict.output + verdict.errors).contains("correct horse"))

        #expect(try Judge("sfdisk").run(["--verify", disk.node], in: folder).status == 0)
        let partitions = image.manifest.partitions
        // All partitions except the boot partition, which has the values.
        for partition in partitions where partition.name != "boot" {
          let same = try Judge("cmp").run(
            ["-n", "\(partition.size)", "-i", "\(partition.offset)", disk.node, image.file.path], in: folder)
          #expect(same.status == 0, "\(partition.name): \(same)")
        }
        let boot = try #require(partitions.first { $0.name == "boot" })
        let values = try Judge("mtype").run(
          ["-i", "\(disk.node)@@\(boot.offset)", "::/cultivar.conf"], in: folder)
        #expect(
          values.output.contains("hostname=attic\nwifi-ssid=roof\nwifi-password=correct horse\n"), "\(values.errors)")
      }
    }
  }
}

/// A file that is a disk of the build host during a test.
struct LoopDisk {
  let file: URL
  /// The path of its device node.
  let node: String

  /// True if this user can make loop devices.
  static let isPossible: Bool = geteuid() == 0 && access("/dev/loop-control", F_OK) == 0

  /// Makes a disk of zeros for a closure and detaches it afterwards.
  static func with(mebibytes: Int, in folder: URL, _ work: (LoopDisk) throws -> Void) throws {
    let file = folder.appending(path: "disk-\(mebibytes)")
    try folder.writing("", to: file.lastPathComponent)
    try #require(truncate(file.path, off_t(mebibytes) << 20) == 0)
    let made = try Judge("losetup").run(["--find", "--show", file.path], in: folder)
    try #require(made.status == 0, "\(made.errors)")
    let node = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    defer { _ = try? Judge("losetup").run(["--detach", node], in: folder) }
    try work(LoopDisk(file: file, node: node))
  }
}
