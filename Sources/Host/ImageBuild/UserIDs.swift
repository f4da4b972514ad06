import DeviceModel
import Hashing
import HostSystem
import Project

/// User and group ids for the users of an image.
///
/// A program's files on the data partition outlive updates, so its user must keep its id even if other users are added
/// or removed. The id is therefore derived from the name.
struct UserIDs {
  /// The daemon's user, on appliances and systems.
  static let daemon = ProgramUser(name: "cultivard", uid: ReservedNumbers.daemon, gid: ReservedNumbers.daemon)
  /// Users of Cultivar's own programs.
  static let system = [
    daemon,
    ProgramUser(name: "dhcpcd", uid: 902, gid: 902),
    ProgramUser(name: "_chrony", uid: 903, gid: 903),
  ]

  /// All users but root, by name.
  private(set) var users: [String: ProgramUser] = [:]

  /// Assigns ids to the users of programs.
  ///
  /// - Throws: ``ImageFailure/userClash(_:_:)`` if two names get the same of 50,000 ids, which is unlikely.
  init(names: [String]) throws(ImageFailure) {
    var owners: [UInt32: String] = [:]
    for user in Self.system { users[user.name] = user }
    for name in Set(names).sorted() where name != "root" && users[name] == nil {
      let number = Digest(of: "user \(name)").bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } % 50_000 + 10_000
      if let other = owners[number] { throw .userClash(other, name) }
      owners[number] = name
      users[name] = ProgramUser(name: name, uid: number, gid: number)
    }
  }

  /// The user with a name. An unknown name gives `nobody`, so that a mistake never makes a program root.
  subscript(name: String) -> ProgramUser {
    name == "root" ? .root : users[name] ?? ProgramUser(name: "nobody", uid: 65_534, gid: 65_534)
  }

  /// `/etc/passwd`.
  var passwd: String {
    let rows = users.values.sorted { $0.uid < $1.uid }.map { user in
      "\(user.name):x:\(user.uid):\(user.gid)::\(Self.home(of: user.name)):/usr/sbin/nologin"
    }
    return
      (["root:x:0:0:root:/root:/usr/sbin/nologin"] + rows
      + ["nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin"]).joined(separator: "\n") + "\n"
  }

  /// `/etc/group`.
  var group: String {
    let rows = users.values.sorted { $0.gid < $1.gid }.map { "\($0.name):x:\($0.gid):" }
    return (["root:x:0:", "tty:x:5:"] + rows + ["nogroup:x:65534:"]).joined(separator: "\n") + "\n"
  }

  /// Home folder in `/etc/passwd`. Clients that drop their rights confine themselves to it.
  private static func home(of name: String) -> String {
    switch name {
    case "dhcpcd": "/usr/lib/dhcpcd"
    case "_chrony": "/var/lib/chrony"
    default: "\(DevicePaths.homes)/\(name)"
    }
  }
}
