import DeviceModel
import Glibc
import LinuxSystem

/// The control groups (version 2) of the programs: one folder for each below a common one.
public struct ControlGroups {
  private let root: String

  /// Takes the folder for the programs' groups and makes it if needed, with memory, processes and processor time being limited in it.
  ///
  /// - Parameter root: a folder in a mounted control group file system.
  /// - Throws: ``SystemError`` where the kernel or the rights for it are missing.
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
    // A program that has lost one of its processes is not left running with the others.
    try FileTree.write(limits.memory == nil ? "0" : "1", to: folder + "/memory.oom.group")
    try FileTree.write(limits.processes.map(String.init) ?? "max", to: folder + "/pids.max")
    // Of each 100 ms, one for each hundredth of a processor.
    try FileTree.write(limits.cpuPercent.map { "\($0 * 1000) 100000" } ?? "max", to: folder + "/cpu.max")
    return folder
  }

  /// Kills everything in a program's group.
  func killAll(of program: String) {
    try? FileTree.write("1", to: folder(of: program) + "/cgroup.kill")
  }

  /// The parts of a group's memory that the kernel cannot take back by itself (`memory.stat`, cgroup-v2.rst of the kernel): what programs
  /// have allocated, files in memory, sockets, and what the kernel holds for them. What it caches of files on disks, and of
  /// names in folders, goes as soon as somebody needs the memory, and is not among them.
  private static let heldParts: Set<Substring> = [
    "anon", "shmem", "sock", "kernel_stack", "pagetables", "percpu", "slab_unreclaimable",
  ]

  /// Bytes of memory that a program's group holds; `nil` where the kernel does not count them.
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
