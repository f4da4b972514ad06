/// `/etc/passwd`, read directly: a static executable has no name service.
public enum UserFile {
  /// User and group id of a user by name; `nil` where there is none.
  public static func user(named name: String, in path: String = "/etc/passwd") -> (uid: UInt32, gid: UInt32)? {
    for line in (FileTree.line(path) ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 4, fields[0] == name, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) {
        return (uid, gid)
      }
    }
    return nil
  }
}
