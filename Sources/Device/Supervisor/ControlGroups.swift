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

  /// Bytes of memory that a program's group uses.
  func memory(of program: String) -> Int64? {
    FileTree.line(folder(of: program) + "/memory.current").flatMap { Int64($0) }
  }
}
