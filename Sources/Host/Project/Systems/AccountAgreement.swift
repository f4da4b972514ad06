/// The numbers of users and groups that a project cannot assign.
public enum ReservedNumbers {
  /// Number of the user and group of Cultivar's daemon, the same in every image.
  public static let daemon: UInt32 = 901
  /// Name of the daemon's user.
  static let daemonName = "cultivard"

  /// Returns the reason why an account cannot have a number, and a hint; `nil` if it can have the number.
  ///
  /// The ranges are those of Debian Policy, section 9.2.2, and of systemd's list of users, groups, UIDs and GIDs.
  static func objection(to number: UInt32, of name: String, hasDaemon: Bool) -> (reason: String, hint: String)? {
    let hint = "choose another number: 100 to 999 for the system's own accounts, 1000 to 59999 for people"
    switch number {
    case 0 where name != "root": return ("belongs to root", hint)
    case 65_534 where name != "nobody" && name != "nogroup": return ("belongs to nobody and nogroup", hint)
    case 65_535, .max: return ("the kernel reserves for its own use", hint)
    case 61_184...65_519: return ("systemd assigns to services", hint)
    case daemon where hasDaemon && name != daemonName:
      return ("belongs to \(daemonName), the user of the management API", hint)
    default: return nil
    }
  }
}

/// The checks of the users and groups of all layers of a system.
enum AccountAgreement {
  /// Folders that are not part of the root file system. A home folder in one of them is empty on the device.
  private static let passing = ["/proc", "/sys", "/dev", "/run", "/tmp", "/nonexistent"]

  /// Returns true if a build cannot create the home folder.
  static func isPassing(_ home: String) -> Bool {
    passing.contains { home == $0 || home.hasPrefix($0 + "/") }
  }

  /// Reports accounts that contradict each other, and accounts that a system cannot have.
  ///
  /// - Parameter hasDaemon: True if the image has the user of the daemon.
  static func check(_ layers: [SystemLayer], hasDaemon: Bool, _ problems: inout ProblemList) {
    let users = layers.flatMap(\.users)
    let groups = layers.flatMap(\.groups)
    checkNumbers("user", users.map { ($0.name, $0.uid, $0.position) }, hasDaemon: hasDaemon, &problems)
    checkNumbers("group", groups.map { ($0.name, $0.gid, $0.position) }, hasDaemon: hasDaemon, &problems)
    for user in users {
      guard let home = user.home, isPassing(home.value), !user.authorizedKeys.isEmpty else { continue }
      problems.error(
        "the home \(home.value) of the user '\(user.name)' cannot store authorizedKeys",
        at: home.position,
        hint: "choose a home in the root file system, like /home/\(user.name)")
    }
  }

  /// Checks that each number belongs to one name and that each name has one number.
  private static func checkNumbers(
    _ kind: String, _ accounts: [(name: String, number: UInt32?, position: SourcePosition)], hasDaemon: Bool,
    _ problems: inout ProblemList
  ) {
    var names: [UInt32: (name: String, position: SourcePosition)] = [:]
    var numbers: [String: (number: UInt32, position: SourcePosition)] = [:]
    for account in accounts {
      guard let number = account.number else { continue }
      if let objection = ReservedNumbers.objection(to: number, of: account.name, hasDaemon: hasDaemon) {
        problems.error(
          "the \(kind) '\(account.name)' cannot have the number \(number), which \(objection.reason)",
          at: account.position, hint: objection.hint)
      } else if let other = names[number], other.name != account.name {
        problems.error(
          "the \(kind)s '\(other.name)' and '\(account.name)' both have the number \(number)", at: account.position,
          hint: "the other one is in \(place(other.position)); give one of them another number")
      } else if let other = numbers[account.name], other.number != number {
        problems.error(
          "the \(kind) '\(account.name)' has the number \(number) here, and \(other.number) elsewhere",
          at: account.position, hint: "the other one is in \(place(other.position)); keep one of the numbers")
      }
      if names[number] == nil { names[number] = (account.name, account.position) }
      if numbers[account.name] == nil { numbers[account.name] = (number, account.position) }
    }
  }

  private static func place(_ position: SourcePosition) -> String {
    "\(position.file.deletingLastPathComponent().lastPathComponent)/\(position.file.lastPathComponent), line \(position.line)"
  }
}
