import FoundationEssentials
import Glibc
import HostSystem
import LinuxSystem
import SandboxPlan

/// The requirements of sandboxes for a user other than root: subordinate IDs, the programs that map them, and the
/// kernel's permission.
struct UserRights {
  var uid: uid_t
  var gid: gid_t = getgid()
  /// Root of the host's file system.
  var host = URL(fileURLWithPath: "/")

  /// Kernel settings that can forbid user namespaces: Debian's former one, the general one, and AppArmor's.
  private static let settings: [(name: String, refusal: String, needed: String)] = [
    ("kernel.unprivileged_userns_clone", "0", "1"), ("user.max_user_namespaces", "0", "10000"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
  ]

  /// Returns the user's ranges of IDs.
  ///
  /// - Throws: ``SandboxFailure`` for the first missing requirement.
  func check() throws(SandboxFailure) -> SubordinateIDs {
    var ids = SubordinateIDs()
    for program in ["/usr/bin/newuidmap", "/usr/bin/newgidmap"] where access(place(program), X_OK) != 0 {
      throw .noMappingProgram(program)
    }
    let name = getpwuid(uid).map { String(cString: $0.pointee.pw_name) } ?? "\(uid)"
    for file in ["/etc/subuid", "/etc/subgid"] {
      let ranges = (text(file) ?? "").split(separator: "\n").compactMap { line -> SandboxPlan.IDRange? in
        let fields = line.split(separator: ":")
        guard fields.count == 3, fields[0] == name || fields[0] == "\(uid)", let start = UInt32(fields[1]),
          let count = UInt32(fields[2]), count >= 65_535
        else { return nil }
        return SandboxPlan.IDRange(inner: 1, outer: start, count: count - 1)
      }
      guard let range = ranges.first else {
        throw .noSubordinateIDs(user: name, file: file, free: freeRange())
      }
      if file == "/etc/subuid" {
        ids.users = [SandboxPlan.IDRange(inner: 0, outer: uid, count: 1), range]
      } else {
        ids.groups = [SandboxPlan.IDRange(inner: 0, outer: gid, count: 1), range]
      }
    }
    for setting in Self.settings {
      let value = text("/proc/sys/" + setting.name.replacing(".", with: "/"))?.trimming(\.isNewline)
      guard value != setting.refusal else {
        throw .noUserNameSpaces(setting: setting.name, value: setting.refusal, needed: setting.needed)
      }
    }
    return ids
  }

  /// Returns the lowest range of 65,536 IDs, from Debian's first ID 100,000 on, that is free in both files.
  private func freeRange() -> ClosedRange<UInt32> {
    let taken = ["/etc/subuid", "/etc/subgid"].flatMap { (text($0) ?? "").split(separator: "\n") }
      .compactMap { line -> Range<UInt64>? in
        let fields = line.split(separator: ":")
        guard fields.count == 3, let start = UInt32(fields[1]), let count = UInt32(fields[2]) else { return nil }
        return UInt64(start)..<UInt64(start) + UInt64(count)
      }
    var start: UInt64 = 100_000
    for range in taken.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.overlaps(start..<start + 65_536) {
      start = range.upperBound
    }
    return UInt32(clamping: start)...UInt32(clamping: start + 65_535)
  }

  private func place(_ path: String) -> String { host.appending(path: String(path.dropFirst())).path }

  private func text(_ path: String) -> String? {
    (try? FolderTree.readFile(place(path))).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// The IDs of the host for a sandbox, in which the user is root; empty if the user is root on the host.
struct SubordinateIDs: Sendable {
  var users: [SandboxPlan.IDRange] = []
  var groups: [SandboxPlan.IDRange] = []
}

/// The reason why a sandbox cannot run.
public enum SandboxFailure: ExplainedError {
  /// The program that makes sandboxes is not installed.
  case noProgram(places: [String])
  /// A program that maps subordinate IDs is missing.
  case noMappingProgram(String)
  /// The user has no range of subordinate IDs; `free` is an unused range.
  case noSubordinateIDs(user: String, file: String, free: ClosedRange<UInt32>)
  /// This kernel setting forbids user namespaces for users.
  case noUserNameSpaces(setting: String, value: String, needed: String)
  /// Programs of an architecture cannot run: the kernel is too old for a table of emulators in the sandbox, and no
  /// emulator is registered on the host.
  case noEmulation(of: String)

  public var problem: String {
    switch self {
    case .noProgram(let places): "cannot make a sandbox: there is no \(places.joined(separator: " and no "))"
    case .noMappingProgram(let program): "cannot make a sandbox without root: there is no \(program)"
    case .noSubordinateIDs(let user, let file, _):
      "cannot make a sandbox without root: \(user) has no range of 65,536 ids in \(file)"
    case .noUserNameSpaces(let setting, let value, _):
      "cannot make a sandbox without root: this kernel does not allow user namespaces for users "
        + "(\(setting) is \(value))"
    case .noEmulation(let architecture):
      "cannot run programs for \(architecture): this kernel is older than Linux 6.7, "
        + "and no emulator is registered on this host"
    }
  }

  public var remedy: String? {
    switch self {
    case .noProgram: "install Cultivar again: `make install` puts the program there"
    case .noMappingProgram: "install the Debian package uidmap, or build as root"
    case .noSubordinateIDs(let user, let file, let free):
      "add a range: `usermod \(file.hasSuffix("uid") ? "--add-subuids" : "--add-subgids") \(free.lowerBound)-\(free.upperBound) \(user)`, or build as root"
    case .noUserNameSpaces(let setting, _, let needed): "set it: `sysctl \(setting)=\(needed)`, or build as root"
    case .noEmulation: "install the Debian packages qemu-user-static and binfmt-support, which register one"
    }
  }
}
