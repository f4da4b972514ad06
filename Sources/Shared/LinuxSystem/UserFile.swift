/// Reads `/etc/passwd` directly, because a static executable has no name service.
public enum UserFile {
  /// User ID and group ID of a user; `nil` if the user does not exist.
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
