import Glibc
import LinuxSystem
import SandboxPlan

/// Mounts the root file system of a sandbox. It is the current working directory afterwards.
struct SandboxMounts {
  let plan: SandboxPlan

  /// Device nodes, bind-mounted onto files of a new tmpfs. The host's `/dev` itself is never mounted.
  private static let nodes = ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/\($0)" }
  private static let links = [
    ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "fd/0"), ("/dev/stdout", "fd/1"), ("/dev/stderr", "fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
  ]
  /// Parts of the host that are visible read-only to a program beside the tree.
  ///
  /// Of `/etc`, only the files are included that programs need to start and to reach servers. So a link in the tree or
  /// a step of a layer cannot reach keys or passwords there.
  private static let hostFolders = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ca-certificates",
    "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf",
    "/etc/passwd", "/etc/protocols", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
  ]

  /// The kernel's settings (`/proc/sys`), opened before they were made read-only.
  private(set) var kernelSettings: Descriptor?

  init(plan: SandboxPlan) { self.plan = plan }

  private var new: String { plan.work + "/new" }

  /// Mounts everything.
  ///
  /// - Returns: The file with name servers, if it was made visible in the tree.
  /// - Throws: `SystemError`.
  mutating func make() throws -> NameServerFile? {
    guard chdir(plan.work) == 0 else { throw SystemError("change to", plan.work) }
    switch plan.place {
    case .inside: try mountTree(at: "new")
    case .beside: try Mount.mount("tmpfs", from: "tmpfs", at: "new", .noDevices, options: "mode=755,size=5%")
    }
    let root = try TreeRoot(new)
    try mountOwn(in: root)
    if plan.place == .beside {
      try showHost(in: root)
      _ = try root.folder(SandboxPlan.treePath)
      // This path contains no links, as everything above it belongs to the sandbox.
      try mountTree(at: "new" + SandboxPlan.treePath)
    }
    for binding in plan.bindings {
      try show(binding.source, at: binding.path, in: root, isWritable: binding.isWritable)
    }
    if let emulator = plan.emulator { try show(emulator.program, at: SandboxPlan.emulatorPath, in: root) }
    if let twins = plan.twins { try show(twins, in: root) }
    try write(plan.script, to: SandboxPlan.scriptPath, in: root)
    let nameServers = plan.usesNetwork ? try NameServerFile(in: root, write: write) : nil
    guard chdir(new) == 0 else { throw SystemError("change to", new) }
    return nameServers
  }

  /// Mounts the tree. The overlay ignores sync calls: the tree is only used after all programs have ended, and dpkg
  /// alone syncs hundreds of times.
  private func mountTree(at target: String) throws {
    // An overlay needs at least one layer.
    let lower = plan.layers == 0 ? "lower" : (0..<plan.layers).map { "lower/\($0)" }.joined(separator: ":")
    // Without root, overlays must store their metadata in attributes that a user may write.
    let notes = plan.users.isEmpty ? "" : ",userxattr"
    try Mount.mount(
      "overlay", from: "overlay", at: target, .noDevices,
      options: "volatile,lowerdir=\(lower),upperdir=upper,workdir=work\(notes)")
  }

  /// Mounts the sandbox's own file systems. The sizes of those in memory are limited in percent of the host's memory,
  /// so that a program that fills all of them leaves some to the host.
  private mutating func mountOwn(in root: TreeRoot) throws {
    func mount(_ type: String, _ path: String, _ flags: Mount.Flags, _ options: String = "") throws -> Descriptor {
      try Mount.mount(type, on: root.folder(path), named: path, flags, options: options)
      guard let folder = try root.open(path, O_RDONLY | O_DIRECTORY) else {
        throw SystemError("open", path, code: ENOENT)
      }
      return folder
    }
    _ = try mount("tmpfs", "/dev", [.noSetUserID, .noDevices], "mode=755,size=1m")
    _ = try mount("tmpfs", "/dev/shm", .noDevices, "mode=1777,size=10%")
    _ = try? mount("devpts", "/dev/pts", [], "newinstance,ptmxmode=0666,mode=620")
    for path in Self.nodes where FileTree.exists(path) { try show(path, at: path, in: root) }
    for (path, target) in Self.links { try root.makeLink(to: target, at: path) }
    let processes = try mount("proc", "/proc", [.noSetUserID, .noDevices, .noExecution])
    kernelSettings = try? Descriptor(opening: "\(processes.path)/sys", Descriptor.pathOnly | O_DIRECTORY)
    try closeKernelSettings(in: root, processes: processes)
    // An empty file system instead of the host's. Programs look for control groups there.
    _ = try mount("tmpfs", "/sys", [.noSetUserID, .noDevices, .noExecution], "mode=755,size=1m")
    _ = try root.folder("/sys/fs/cgroup")
    _ = try mount("tmpfs", "/tmp", .noDevices, "mode=1777,size=50%")
    _ = try mount("tmpfs", "/run", .noDevices, "mode=755,size=10%")
    if plan.place == .beside { _ = try root.folder("/root") }
  }

  /// Makes everything in `/proc` read-only, except the folders of processes.
  private func closeKernelSettings(in root: TreeRoot, processes: Descriptor) throws {
    for name in FileTree.names(in: processes.path) where UInt32(name) == nil {
      guard let entry = try? Descriptor(opening: "\(processes.path)/\(name)", Descriptor.pathOnly | O_NOFOLLOW) else {
        continue
      }
      let mode = try entry.mode()
      switch mode & S_IFMT {
      case S_IFDIR: break
      case S_IFREG where mode & 0o222 != 0: break
      default: continue
      }
      let mount = try DetachedMount(of: entry, named: "/proc/\(name)")
      try mount.restrict()
      try mount.attach(to: entry, named: "/proc/\(name)")
    }
  }

  private func showHost(in root: TreeRoot) throws {
    for path in Self.hostFolders {
      var text = [CChar](repeating: 0, count: Int(PATH_MAX))
      if readlink(path, &text, text.count - 1) > 0, FileTree.parent(of: path) == "/" {
        // A link on the host is a link in the sandbox, as `/bin` with a merged `/usr`.
        try root.makeLink(
          to: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self), at: path)
      } else if FileTree.exists(path) {
        try show(path, at: path, in: root)
      }
    }
  }

  /// Makes a file or folder of the host visible.
  private func show(_ source: String, at path: String, in root: TreeRoot, isWritable: Bool = false) throws {
    try show(
      try Descriptor(opening: source, Descriptor.pathOnly), named: source, at: path, in: root, isWritable: isWritable)
  }

  /// Makes an open file or folder visible. For a device node, "read-only" protects its mode and owner, but not the
  /// device.
  private func show(
    _ source: Descriptor, named name: String, at path: String, in root: TreeRoot, isWritable: Bool = false
  ) throws {
    let isFolder = try source.mode() & S_IFMT == S_IFDIR
    let mount = try DetachedMount(of: source, named: name)
    try mount.restrict(isReadOnly: !isWritable, hasDevices: Self.nodes.contains(path))
    try mount.attach(to: isFolder ? root.folder(path) : root.file(path), named: path)
  }

  /// Mounts native programs over the tree's, read-only. A script that tries to change one of them fails, and the cache
  /// does not change.
  private func show(_ twins: SandboxPlan.Twins, in root: TreeRoot) throws {
    let tree = try TreeRoot(twins.tree)
    for twin in twins.support {
      guard let source = try tree.open(twin.twin) else { throw SystemError("open", twin.twin, code: ENOENT) }
      try show(source, named: twin.twin, at: twin.path, in: root)
    }
    for path in twins.hidden {
      try Mount.mount("tmpfs", on: root.folder(path), named: path, .readOnly)
    }
    for twin in twins.programs {
      // A program may be missing, or a link to another one.
      guard let source = try tree.open(twin.twin),
        let target = try root.open(twin.path, Descriptor.pathOnly | O_NOFOLLOW),
        try target.mode() & S_IFMT == S_IFREG
      else { continue }
      let mount = try DetachedMount(of: source, named: twin.twin)
      try mount.restrict()
      try mount.attach(to: target, named: twin.path)
    }
  }

  private func write(_ text: String, to path: String, in root: TreeRoot) throws {
    _ = try root.file(path)
    guard let file = try root.open(path, O_WRONLY | O_TRUNC) else { throw SystemError("open", path, code: ENOENT) }
    try file.write(all: Array(text.utf8))
  }
}
