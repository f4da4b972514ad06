import Foundation
import Glibc
import Hashing
import HostSystem
import TestFixtures
import Testing

/// A built image and its manifest.
struct BuiltImage {
  /// The folder of the artefacts.
  var folder: URL
  var manifest: Manifest

  /// The parts of a manifest that the tests read.
  struct Manifest: Decodable {
    struct Partition: Decodable {
      var name: String
      var offset: Int
      var size: Int
    }
    struct Package: Decodable {
      var name: String
    }
    struct Program: Decodable {
      var name: String
      var size: Int
    }
    var epoch: Int64
    var partitions: [Partition]
    var packages: [Package]
    var programs: [Program]
  }

  init(_ folder: URL) throws {
    self.folder = folder
    manifest = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
  }

  /// The disk image.
  var file: URL { folder.appending(path: "box.img") }

  /// Returns the hash of the disk image.
  func hash() throws -> Digest { try Digest(ofFile: file.path) }

  /// Copies a partition out of the image.
  func partition(_ name: String, to place: URL) throws -> URL {
    let row = try #require(manifest.partitions.first { $0.name == name })
    let file = place.appending(path: "\(name).part")
    let verdict = try Judge("dd").run([
      "if=\(self.file.path)", "of=\(file.path)", "bs=1M", "skip=\(row.offset >> 20)", "count=\(row.size >> 20)",
      "conv=sparse", "status=none",
    ])
    try #require(verdict.status == 0, "\(verdict.errors)")
    #expect(truncate(file.path, off_t(row.size)) == 0)
    return file
  }

  /// Unpacks the root file system with its own tool, and returns the folder.
  ///
  /// - Parameter slot: The name of the partition.
  func unpackedRoot(_ place: URL, slot: String = "root-a") throws -> URL {
    let root = try partition(slot, to: place)
    let target = place.appending(path: "root")
    let verdict = try Judge("fsck.erofs").run(["--extract=\(target.path)", "--no-preserve-owner", root.path])
    try #require(verdict.status == 0, "\(verdict.errors)")
    return target
  }

  /// Returns a text that changes whenever the image file is written.
  func stamp() -> String {
    var status = stat()
    guard stat(file.path, &status) == 0 else { return "none" }
    return "\(status.st_ino) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
