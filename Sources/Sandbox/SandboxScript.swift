import Foundation
import Glibc
import HostSystem

/// The shell script that builds a sandbox from inside its name spaces and then becomes the program.
///
/// A script and not calls of our own: it runs before any of our code could, as root of a name space that only it has, with the
/// build host's `mount`, and can be read where something goes wrong.
struct SandboxScript {
  var root: Sandbox.Root
  var place: Sandbox.Place
  /// What else of the host it sees.
  var sources: [Sandbox.Binding]
  /// Folder of this sandbox: `setup`, `script`, mount points and work folders.
  var work: URL
  var network: Bool
  var folder: String
  /// Whether the program reads what the caller's does, and not nothing.
  var keepsInput = false
  /// How programs of the tree are run where they are of another architecture.
  var emulation: Sandbox.Emulation?
  /// Programs that stand in for those of the tree.
  var twins: Sandbox.Twins?

  /// Single nodes, bound onto files of a fresh tmpfs; never the folder.
  private static let nodes = ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/\($0)" }
  private static let links = [
    "/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2",
    "/dev/ptmx": "pts/ptmx",
  ]
  /// What of the host a program beside the tree sees, read-only.
  private static let hostFolders = ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt"]

  private static let kernelSettings = ["sys", "sysrq-trigger", "irq", "bus"].map { "/proc/\($0)" }

  /// Makes the folders and files that the script works with. The layers get short names: the kernel takes the options of a mount in one page.
  ///
  /// What can be written here the script need not start programs for, which is what a sandbox takes its time for.
  func writeFiles(running script: String) throws {
    for name in ["lower", "work", "new"] { try FolderTree.create(work.appending(path: name).path) }
    for (index, layer) in lower.enumerated() { try link(layer, as: "lower/\(index)") }
    switch root {
    case .overlay(_, let folder): try link(folder, as: "upper")
    case .view:
      let upper = work.appending(path: "upper").path
      try FolderTree.create(upper)
      // It becomes the root's own mode, whatever the caller's umask.
      guard chmod(upper, 0o755) == 0 else { throw FileFailure.last("set the mode of", upper) }
    }
    try writeTable(ownMounts, to: "own.fstab")
    try writeTable(bindings, to: "bindings.fstab")
    try writeGround(script)
    try FolderTree.writeFile(work.appending(path: "setup").path, with: text.utf8)
  }

  /// The folders, files and links that are put into the sandbox when its own file systems are mounted there: what others are mounted onto,
  /// and the script.
  private func writeGround(_ script: String) throws {
    let ground = work.appending(path: "ground").path
    for path in ["/dev/pts", "/run/cultivar/old"] + (place == .beside ? ["/root", Sandbox.treePath] : []) {
      try FolderTree.create(ground + path)
    }
    for mount in bindings where !mount.path.hasPrefix("/proc/") {
      let place = URL(fileURLWithPath: ground + mount.path)
      try FolderTree.create(mount.isFolder ? place.path : place.deletingLastPathComponent().path)
      if !mount.isFolder { try FolderTree.writeFile(place.path, with: []) }
    }
    for (path, target) in Self.links.merging(place == .beside ? Self.hostLinks : [:], uniquingKeysWith: { $1 }) {
      guard symlink(target, ground + path) == 0 else { throw FileFailure.last("make the link", ground + path) }
    }
    try FolderTree.writeFile(ground + "/run/cultivar/script", with: script.utf8)
  }

  private func link(_ folder: URL, as name: String) throws {
    let place = work.appending(path: name).path
    guard symlink(folder.path, place) == 0 else { throw FileFailure.last("link a layer at", place) }
  }

  private var lower: [URL] {
    switch root {
    case .overlay(let lower, _), .view(let lower): lower + (twins.map { [$0.ground] } ?? [])
    }
  }

  /// Whether the last steps are made in a user name space of their own, as only such a one has a table of emulators of its own.
  /// Everything is mounted before, by real root: layers that it writes are those of any other build.
  private var isNested: Bool { registersEmulator && geteuid() == 0 }
  private var registersEmulator: Bool { emulation != nil && Sandbox.Emulation.isPrivate }

  var text: String {
    var lines = [
      // The caller's is a matter of the caller's own files.
      "umask 022", Self.closeBelow, Self.nameServers,
      "cd \(work.path.quotedForShell)", "new=\(work.appending(path: "new").path.quotedForShell)",
    ]
    lines.append(place == .inside ? mountTree(at: "$new") : "mount -t tmpfs -o nodev,mode=755 tmpfs \"$new\"")
    lines += ["mount --all --fstab own.fstab", "cp -dR --no-preserve=mode ground/. \"$new/\""]
    if place == .beside { lines.append(mountTree(at: "$new\(Sandbox.treePath)")) }
    lines += geteuid() == 0 ? ["mount --all --fstab bindings.fstab"] : bindings.flatMap(bindAsUser)
    lines += [
      "mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts \"$new/dev/pts\" || true",
      network ? "name_servers" : "ip link set lo up 2>/dev/null || true", "hostname cultivar 2>/dev/null || true",
    ]
    lines += bindTwins
    guard isNested else { return (lines + enter).joined(separator: "\n") + "\n" }
    lines += ["cat > enter <<'END'", "new=\(work.appending(path: "new").path.quotedForShell)", Self.nameServers]
    // What is mounted stays together in a name space of less rights: it is entered by a mount of its own.
    lines += ["mount --rbind \"$new\" \"$new\""] + enter + ["END", Self.nest]
    return lines.joined(separator: "\n") + "\n"
  }

  /// Becomes root of a user name space in which all ids are themselves. The name space must have its ids before a program of it has
  /// rights there.
  private static let nest = """
    mkfifo begun mapped
    exec 3<&0
    unshare --user sh -c 'echo > begun; read -r line < mapped; exec unshare --mount --propagation private sh -eu enter' <&3 & inner=$!
    read -r line < begun
    for ids in uid_map gid_map; do
      map=$(while read -r first outer count; do echo "$first $first $count"; done < "$new/proc/self/$ids")
      echo "$map" > "$new/proc/$inner/$ids"
    done
    echo > mapped
    status=0
    wait $inner || status=$?
    exit $status
    """

  /// Makes the tree the root and becomes the program.
  private var enter: [String] {
    var lines = ["cd \"$new\""]
    if registersEmulator, let emulation {
      let folder = "run/cultivar/binfmt_misc"
      lines += [
        "mkdir -p \(folder)", "mount -t binfmt_misc binfmt_misc \(folder)",
        "printf %s \(emulation.registration(path: Self.emulator).quotedForShell) > \(folder)/register",
      ]
    }
    lines += [
      "pivot_root . run/cultivar/old",
      // The old root takes itself away, with its own program.
      "chroot run/cultivar/old umount -l /", "rmdir run/cultivar/old",
      "cd \(folder.quotedForShell)",
    ]
    let program = "/bin/sh -eu /run/cultivar/script" + (keepsInput ? "" : " </dev/null")
    lines += network ? ["status=0; \(program) || status=$?", "no_name_servers", "exit $status"] : ["exec \(program)"]
    return lines
  }

  /// Where the emulator is seen, from the tree.
  private static let emulator = "run/cultivar/emulator"
  /// Where the twins' own tree is seen, from the tree.
  private static let twinTree = "run/cultivar/twins"

  /// Binds the emulator, and the twins onto their programs, read-only: a script that wants to change one of the programs fails, and
  /// changes nothing in the cache.
  private var bindTwins: [String] {
    guard let twins else { return [] }
    var lines = twins.support.map { "mount --bind \"$new/\(Self.twinTree)\($0.twin)\" \"$new\($0.path)\"" }
    lines += twins.hidden.map { "mount -t tmpfs -o ro tmpfs \"$new\($0)\"" }
    // One program mounts them all. A program may be missing, or be another one's link.
    lines += [
      "place=\(Mount.escaped(work.appending(path: "new").path).quotedForShell)",
      "while read -r twin path; do",
      "  [ -L \"$new$path\" ] || [ ! -f \"$new$path\" ] || printf '%s\\n' \"$place/\(Self.twinTree)$twin $place$path none bind 0 0\"",
      "done > twins.fstab <<'END'",
    ]
    lines += twins.programs.map { "\($0.twin) \($0.path)" }
    lines += ["END", "mount --all --fstab twins.fstab"]
    return lines
  }

  // MARK: Mounts

  /// Something to be mounted, as a line of `fstab(5)`: one program mounts many.
  private struct Mount {
    var source: String
    /// Path in the sandbox.
    var path: String
    var type: String
    var options: String
    /// Whether it is a folder of the host that is bound.
    var isFolder = true
    /// Whether a mount that binds may not be written to.
    var isReadOnly = false

    init(_ type: String, at path: String, _ options: String) {
      (source, self.path, self.type, self.options) = (type, path, type, options + ",X-mount.mkdir")
    }

    /// A part of the host.
    init(_ source: String, at path: String, isFolder: Bool, isWritable: Bool = false, options: String = "") {
      (self.source, self.path, type) = (source, path, "none")
      (self.isFolder, isReadOnly) = (isFolder, !isWritable)
      self.options = "bind" + (isWritable ? "" : ",ro") + options
    }

    /// The line, below a folder.
    func line(below folder: String) -> String {
      [source, folder + path, type, options, "0", "0"].map(Self.escaped).joined(separator: " ")
    }

    static func escaped(_ field: String) -> String {
      // As the kernel writes its own list, and `mount` reads one.
      [("\\", "\\134"), (" ", "\\040"), ("\t", "\\011"), ("\n", "\\012"), ("#", "\\043")].reduce(field) {
        $0.replacing($1.0, with: $1.1)
      }
    }
  }

  /// File systems that only the sandbox has.
  private var ownMounts: [Mount] {
    [
      Mount("tmpfs", at: "/dev", "mode=755,nosuid,nodev"), Mount("tmpfs", at: "/dev/shm", "nodev,mode=1777"),
      Mount("proc", at: "/proc", "nosuid,nodev,noexec"), Mount("tmpfs", at: "/tmp", "nodev,mode=1777"),
      Mount("tmpfs", at: "/run", "nodev,mode=755"),
    ]
  }

  /// What of the host is seen.
  private var bindings: [Mount] {
    // Read-only is about the node itself, its mode and owner, and not about what is read from it and written to it.
    var all = Self.present(Self.nodes).map { Mount($0, at: $0, isFolder: false) }
    if place == .beside {
      all += Self.present(Self.hostFolders.filter { Self.hostLinks[$0] == nil }).map {
        Mount($0, at: $0, isFolder: true)
      }
    }
    // What of `/proc` is the whole machine's and not the sandbox's cannot be written to.
    for path in Self.present(Self.kernelSettings) {
      all.append(
        Mount(
          work.appending(path: "new" + path).path, at: path, isFolder: path != "/proc/sysrq-trigger",
          options: ",nosuid,nodev,noexec"))
    }
    all += sources.map { Mount($0.source.path, at: $0.path, isFolder: $0.isFolder, isWritable: $0.isWritable) }
    if let emulation, registersEmulator {
      all.append(Mount(emulation.emulator.path, at: "/\(Self.emulator)", isFolder: false))
    }
    if let twins { all.append(Mount(twins.tree.path, at: "/\(Self.twinTree)", isFolder: true)) }
    return all
  }

  private static func present(_ paths: [String]) -> [String] {
    paths.filter { FileManager.default.fileExists(atPath: $0) }
  }

  /// What is a link on the host, and so in the sandbox.
  private static let hostLinks: [String: String] = hostFolders.reduce(into: [:]) { links, path in
    links[path] = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  private func writeTable(_ mounts: [Mount], to name: String) throws {
    let folder = work.appending(path: "new").path
    let text = mounts.map { $0.line(below: folder) + "\n" }.joined()
    try FolderTree.writeFile(work.appending(path: name).path, with: text.utf8)
  }

  /// Binds a part of the host in a user name space, which does so with all that is mounted below it, as in containers, or not at all.
  private func bindAsUser(_ mount: Mount) -> [String] {
    let target = "\"$new\"\(mount.path.quotedForShell)"
    let pair = "\(mount.source.quotedForShell) \(target)"
    let below = mount.isReadOnly ? "close_below \(target)" : "true"
    let bind = "mount --bind \(pair) 2>/dev/null || { mount --rbind \(pair); \(below); }"
    // It cannot take away what a mount has been given, and only this way of it keeps that.
    return mount.isReadOnly ? [bind, "mount -o remount,bind,ro \(target)"] : [bind]
  }

  private func mountTree(at target: String) -> String {
    // An empty one where there are none: an overlay takes one at least.
    let lowers = lower.isEmpty ? "lower" : lower.indices.map { "lower/\($0)" }.joined(separator: ":")
    // Other users' overlays keep their notes in attributes that a user may write.
    let notes = geteuid() == 0 ? "" : ",userxattr"
    // What programs ask to be synced is not: a tree is a result only when all have ended, and dpkg alone asks for it hundreds of times.
    return "LIBMOUNT_FORCE_MOUNT2=always mount -t overlay overlay -o nodev,volatile,"
      + "lowerdir=\(lowers),upperdir=upper,workdir=work\(notes) \"\(target)\""
  }

  /// Makes everything that is mounted below a folder read-only. The kernel's list has octal numbers for some bytes.
  private static let closeBelow = """
    close_below() {
      while read -r id parent device root point rest; do
        point=$(printf "$(printf %s "$point" | sed 's/%/%%/g')")
        case $point in "$1"/*) mount -o remount,bind,ro "$point" ;; esac
      done < /proc/self/mountinfo
    }
    """

  /// Lets the program ask the host's name servers, whatever the tree has as `/etc/resolv.conf`: nothing, a file, or a link to what only
  /// a running system has. The tree keeps what it had.
  private static let nameServers = """
    name_servers() {
      [ -e /etc/resolv.conf ] || return 0
      if [ -L "$new/etc/resolv.conf" ]; then
        target=$(readlink "$new/etc/resolv.conf")
        case $target in /*) ;; *) target=/etc/$target ;; esac
        case $target in
          /run/* | /etc/../run/*) mkdir -p "$new${target%/*}" && cat /etc/resolv.conf > "$new$target" ;;
        esac
      elif [ -e "$new/etc/resolv.conf" ]; then
        cat /etc/resolv.conf > resolv.conf && mount --bind resolv.conf "$new/etc/resolv.conf"
      else
        cat /etc/resolv.conf > "$new/run/cultivar/resolv.conf"
        mkdir -p "$new/etc" && ln -s /run/cultivar/resolv.conf "$new/etc/resolv.conf"
      fi
    }
    no_name_servers() {
      if [ "$(readlink /etc/resolv.conf)" = /run/cultivar/resolv.conf ]; then rm /etc/resolv.conf; fi
    }
    """
}
