import Foundation
import HostSystem
import Testing

/// Checks a machine's disk with standard tools, after the machine is off.
struct DiskJudge {
  let disk: URL

  init(_ disk: URL) { self.disk = disk }

  struct Table: Decodable {
    struct Inner: Decodable {
      var partitions: [Partition]
    }
    struct Partition: Decodable {
      /// Empty in a master boot record, which has no names.
      var name: String
      var start: Int64
      var size: Int64
      /// Empty in a master boot record.
      var uuid: String

      enum CodingKeys: CodingKey { case name, start, size, uuid }

      init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        start = try values.decode(Int64.self, forKey: .start)
        size = try values.decode(Int64.self, forKey: .size)
        uuid = try values.decodeIfPresent(String.self, forKey: .uuid) ?? ""
      }
    }
    var partitiontable: Inner
  }

  /// Returns the partitions according to sfdisk. In a master boot record, they get the names of the layout's order.
  func partitions() async throws -> [Table.Partition] {
    let text = try await HostCommand(file: "sfdisk", ["--json", disk.path], to: "read the partition table").run()
    var partitions = try JSONDecoder().decode(Table.self, from: Data(text.utf8)).partitiontable.partitions
    for (index, name) in ["boot", "root-a", "root-b", "data"].enumerated()
    where index < partitions.count && partitions.allSatisfy({ $0.uuid.isEmpty }) {
      partitions[index].name = name
    }
    return partitions
  }

  /// Copies a partition's content to a file next to the disk.
  func content(of name: String) async throws -> URL {
    let partition = try #require(try await partitions().first { $0.name == name })
    let file = disk.deletingLastPathComponent().appending(path: "\(name).part")
    try await HostCommand(
      file: "dd",
      [
        "if=\(disk.path)", "of=\(file.path)", "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse", "status=none",
        "skip=\(partition.start * 512)", "count=\(partition.size * 512)",
      ], to: "copy the partition \(name)"
    ).run()
    return file
  }

  /// Expects a valid partition table, clean boot and data file systems, and a data partition of a certain size.
  func expectCleanDisk(dataMebibytes: some RangeExpression<Int64>) async throws {
    let verdict = try await HostCommand(file: "sfdisk", ["--verify", disk.path], to: "verify the partition table").run()
    #expect(verdict.contains("No errors detected"))
    let boot = try await content(of: "boot")
    try await HostCommand(file: "fsck.fat", ["-n", boot.path], to: "check the boot file system").run()
    let data = try await content(of: "data")
    try await HostCommand(file: "e2fsck", ["-fn", data.path], to: "check the data file system").run()
    let superblock = try await HostCommand(file: "dumpe2fs", ["-h", data.path], to: "read the superblock").run()
    let blocks = try #require(superblock.firstMatch(of: /Block count: +(\d+)/).flatMap { Int64($0.1) })
    #expect(dataMebibytes.contains((blocks * 4096) >> 20), "the data file system has \((blocks * 4096) >> 20) MiB")
  }
}
