import DeviceModel
import Glibc
import LinuxSystem

/// The control groups (version 2) of the programs: one group for each, below a common parent.
public struct ControlGroups {
  private let root: String

  /// Opens the parent group, and makes it if needed, with the controllers for memory, processes and processor time.
  ///
  /// - Parameter root: A folder in a mounted control group file system.
  /// - Throws: ``SystemError`` if the kernel lacks control groups or this process lacks the rights.
  public init(root: String) throws(SystemError) {
    self.root = root
    try FileTree.makeFolders(root)
    for folder in [FileTree.parent(of: root), root] {
      try FileTree.write("+memory +pids +cpu", to: folder + "/cgroup.subtree_control")
    }
  }

  /// The folder of a program's group.
  func folder(of program: String) -> String {
    root + "/" + program
  }

  /// Makes a program's group and sets its limits.
  func prepare(_ program: String, _ limits: ProgramLimits) throws(SystemError) -> String {
    let folder = folder(of: program)
    try FileTree.makeFolders(folder)
    try FileTree.write(limits.memory.map(String.init) ?? "max", to: folder + "/memory.max")
    // If one process of a program is killed for lack of memory, the others are killed with it.
    try FileTree.write(limits.memory == nil ? "0" : "1", to: folder + "/memory.oom.group")
    try FileTree.write(limits.processes.map(String.init) ?? "max", to: folder + "/pids.max")
    // The quota in microseconds per period of 100 ms: 1000 for each percent of one processor.
    try FileTree.write(limits.cpuPercent.map { "\($0 * 1000) 100000" } ?? "max", to: folder + "/cpu.max")
    return folder
  }

  /// Kills all processes in a program's group.
  func killAll(of program: String) {
    try? FileTree.write("1", to: folder(of: program) + "/cgroup.kill")
  }

  /// The parts of a group's memory that the kernel cannot reclaim (`memory.stat` in cgroup-v2.rst of the kernel): memory that
  /// programs have allocated, files in memory, sockets, and the kernel's own memory for them. The page cache and cached names
  /// of directories are not among them: the kernel drops them when memory is needed.
  private static let heldParts: Set<Substring> = [
    "anon", "shmem", "sock", "kernel_stack", "pagetables", "percpu", "slab_unreclaimable",
  ]

  /// Returns the memory of a program's group in bytes; `nil` if the kernel does not count it.
  func memory(of program: String) -> Int64? {
    guard let statistics = FileTree.line(folder(of: program) + "/memory.stat") else { return nil }
    var held: Int64?
    for line in statistics.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, Self.heldParts.contains(words[0]), let bytes = Int64(words[1]) else { continue }
      held = (held ?? 0) + bytes
    }
    return held
  }
}
