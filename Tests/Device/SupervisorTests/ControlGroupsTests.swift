import DeviceModel
import Foundation
import TestFixtures
import Testing

@testable import Supervisor

@Suite("Control groups")
struct ControlGroupsTests {
  /// Groups in a folder that looks like a control group file system.
  private func groups(in folder: TemporaryFolder, _ files: [String: String]) throws -> ControlGroups {
    let root = URL(fileURLWithPath: folder.path)
    try FileManager.default.createDirectory(at: root.appending(path: "programs/web"), withIntermediateDirectories: true)
    for (name, text) in files.merging(
      ["cgroup.subtree_control": "", "programs/cgroup.subtree_control": ""], uniquingKeysWith: { one, _ in one })
    {
      try Data(text.utf8).write(to: root.appending(path: name))
    }
    return try ControlGroups(root: root.appending(path: "programs").path)
  }

  @Test("A program's memory is what it holds, and not what the kernel caches of the files that it reads and writes")
  func memory() throws {
    let folder = try TemporaryFolder()
    let statistics = """
      anon 2097152
      file 268435456
      kernel 41943040
      kernel_stack 65536
      pagetables 131072
      sec_pagetables 0
      percpu 1024
      sock 4096
      vmalloc 0
      shmem 1048576
      file_mapped 8388608
      slab_reclaimable 33554432
      slab_unreclaimable 262144
      slab 33816576
      pgfault 123456

      """
    let groups = try groups(
      in: folder, ["programs/web/memory.stat": statistics, "programs/web/memory.current": "312475648\n"])
    #expect(groups.memory(of: "web") == 3_609_600)
    #expect(groups.memory(of: "other") == nil)
  }

  @Test("Without statistics that are understood nothing is said of memory")
  func unknown() throws {
    let folder = try TemporaryFolder()
    let groups = try groups(in: folder, ["programs/web/memory.stat": "anon\nfile 12\n"])
    #expect(groups.memory(of: "web") == nil)
  }
}
