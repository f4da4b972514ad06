import Glibc
import LinuxSystem

/// The files with the users and groups of a root: `passwd(5)`, `shadow(5)`, `group(5)`, `gshadow(5)`.
struct AccountFiles {
  private static let names = ["passwd", "shadow", "group", "gshadow"]
  /// Ids of people's accounts (`adduser.conf(5)`).
  private static let ids: ClosedRange<UInt32> = 1000...59_999

  private let folder: String
  /// The lines of each file that exists, as fields.
  private var files: [String: [[String]]] = [:]

  /// A user in `passwd`.
  struct User: Equatable {
    var name: String
    var uid: UInt32
    var gid: UInt32
    var home: String
  }

  /// Reads the files.
  ///
  /// - Parameter root: The root that is being prepared.
  /// - Throws: `SystemError` if there is no `passwd`.
  init(in root: String) throws(SystemError) {
    folder = root + "/etc"
    for name in Self.names where name == "passwd" || FileTree.exists("\(folder)/\(name)") {
      let text = String(decoding: try FileTree.read("\(folder)/\(name)"), as: UTF8.self)
      files[name] = text.split(separator: "\n").map {
        $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      }
    }
  }

  private func row(_ name: String, in file: String) -> Int? { files[file]?.firstIndex { $0.first == name } }

  /// Returns the user with a name.
  func user(_ name: String) -> User? {
    guard let row = row(name, in: "passwd"), let fields = files["passwd"]?[row], fields.count >= 7,
      let uid = UInt32(fields[2]), let gid = UInt32(fields[3])
    else { return nil }
    return User(name: name, uid: uid, gid: gid, home: fields[5])
  }

  /// True if there is a group with the name.
  func hasGroup(_ name: String) -> Bool { row(name, in: "group") != nil }

  /// Adds a user with a group of the same name, without a password.
  ///
  /// - Parameter wantedID: The id that the user had before; another one is taken if it belongs to somebody else now.
  /// - Returns: The user; `nil` if no id is free.
  mutating func add(_ name: String, wantedID: UInt32?, home: String, shell: String) -> User? {
    let used = Set(
      (files["passwd"] ?? []).compactMap { $0.count > 2 ? UInt32($0[2]) : nil }
        + (files["group"] ?? []).compactMap { $0.count > 2 ? UInt32($0[2]) : nil })
    let wanted = wantedID.flatMap { Self.ids.contains($0) && !used.contains($0) ? $0 : nil }
    guard let id = wanted ?? Self.ids.first(where: { !used.contains($0) }) else { return nil }
    var gid = id
    if let row = row(name, in: "group"), let fields = files["group"]?[row], fields.count > 2 {
      gid = UInt32(fields[2]) ?? id
    } else {
      files["group"]?.append([name, "x", String(id), ""])
      files["gshadow"]?.append([name, "!", "", ""])
    }
    files["passwd"]?.append([name, "x", String(id), String(gid), "", home, shell])
    // `*` allows no password. `!` would make SSH refuse keys as well, where it does not use PAM.
    files["shadow"]?.append([name, "*", "", "0", "99999", "7", "", "", ""])
    return User(name: name, uid: id, gid: gid, home: home)
  }

  /// Sets the hash of a user's password.
  mutating func setPassword(_ hash: String, of name: String) {
    if let row = row(name, in: "shadow"), files["shadow"]?[row].count ?? 0 > 1 { files["shadow"]?[row][1] = hash }
  }

  /// Adds a user to a group.
  mutating func join(_ group: String, _ name: String) {
    for (file, field) in [("group", 3), ("gshadow", 3)] {
      guard let row = row(group, in: file), let fields = files[file]?[row], fields.count > field else { continue }
      let members = fields[field].split(separator: ",").map(String.init)
      if !members.contains(name) { files[file]?[row][field] = (members + [name]).joined(separator: ",") }
    }
  }

  /// Writes the files that exist, with the owners and modes that they had.
  ///
  /// - Throws: `SystemError`.
  func write() throws(SystemError) {
    for name in Self.names {
      guard let rows = files[name] else { continue }
      let path = "\(folder)/\(name)"
      var status = stat()
      guard stat(path, &status) == 0 else { throw SystemError("read", path) }
      let text = rows.map { $0.joined(separator: ":") + "\n" }.joined()
      try FileTree.replace(path, with: Array(text.utf8), mode: 0o600)
      chown(path, status.st_uid, status.st_gid)
      chmod(path, status.st_mode & 0o7777)
    }
  }
}
