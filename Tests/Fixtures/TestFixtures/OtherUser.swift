import Foundation
import Glibc

/// A user that exists only for a program and its children. The host is not changed.
///
/// The files that list users are replaced in the program's own mount namespace, which requires root.
public struct OtherUser: Sendable {
  /// The requirements, for the message of a skipped test.
  public static let condition = "another user takes root, and the programs of the Debian package uidmap"
  /// True if such a user is possible here.
  public static let isPossible = geteuid() == 0 && access("/usr/bin/newuidmap", X_OK) == 0

  public static let name = "cultivar-tests"
  private static let id = 54_321

  /// The user's home, a folder of the test.
  public let home: URL
  private let files: URL

  /// Makes the user, and gives it a folder with its content.
  ///
  /// - Parameters:
  ///   - home: A folder that other users can reach.
  ///   - files: A folder for the files that list users.
  ///   - hasRange: True if the user has a range of subordinate IDs.
  public init(home: URL, files: URL, hasRange: Bool = true) throws {
    self.home = home
    self.files = files
    let range = hasRange ? "\(Self.name):200000:65536\n" : ""
    let additions = [
      "passwd": "\(Self.name):x:\(Self.id):\(Self.id)::\(home.path):/bin/sh\n", "group": "\(Self.name):x:\(Self.id):\n",
      "subuid": range, "subgid": range,
    ]
    for (name, line) in additions {
      let host = FileManager.default.contents(atPath: "/etc/\(name)") ?? Data()
      try files.writing(Array(host) + Array(line.utf8), to: name)
    }
    try Judge("chown").run(["-R", "\(Self.id):\(Self.id)", home.path])
  }

  /// Runs a program to its end, with a umask that denies all access to other users.
  @discardableResult
  public func run(
    _ program: URL, _ arguments: [String], in folder: URL? = nil, environment: [String: String?] = [:]
  ) throws -> Judge.Verdict {
    let script = """
      for name in passwd group subuid subgid; do
        if [ -e /etc/$name ]; then mount --bind "$1/$name" /etc/$name; fi
      done
      shift
      umask 077
      exec setpriv --reuid \(Self.id) --regid \(Self.id) --clear-groups "$@"
      """
    return try Judge("unshare").run(
      ["--mount", "--propagation", "private", "sh", "-euc", script, "sh", files.path, program.path] + arguments,
      in: folder ?? home,
      environment: ["HOME": home.path, "TMPDIR": home.path].merging(environment) { $1 })
  }
}
