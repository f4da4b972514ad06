import FoundationEssentials
import Project
import Spelling

/// A statement of a layer about the root file system that only the finished root can confirm.
///
/// A script checks claims. For each false claim it writes a line with the claim's number and the words that it found,
/// separated by tabs.
struct RootClaim: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    /// The program that makes users and groups exists.
    case accountPrograms
    /// A group can have a group id.
    case groupNumber(String, UInt32)
    /// A user can have a user id.
    case userNumber(String, UInt32)
    /// A group of a user exists.
    case group(String, ofUser: String)
    /// A user has a home that can hold keys.
    case home(ofUser: String)
    /// The user who owns a path exists.
    case owner(String, ofPath: String)
    /// The group that owns a path exists.
    case ownerGroup(String, ofPath: String)
    /// Programs of systemd exist.
    case unitPrograms
    /// A unit that a key of `units` names exists.
    case unit(String, key: String)
    /// A unit can be enabled.
    case installable(String)
    /// systemctl can make the change that a key of `units` asks for.
    case unitChange(String, key: String)
    /// The init program exists.
    case initProgram
    /// The program that verifies units exists.
    case analyzer
    /// A user's shell exists.
    case shell(String, ofUser: String)
    /// A unit to which a layer adds settings exists.
    case unitOfAddition(String)
    /// An account that a key of a unit file names exists.
    case unitAccount(String, key: String, unit: String)
    /// An account with the numeric id that owns a path exists.
    case numberedOwner(String, ofPath: String)
  }

  var kind: Kind
  var position: SourcePosition

  /// The problem for a false claim.
  ///
  /// - Parameter found: The words that the script printed.
  func problem(_ found: [String]) -> Diagnostic {
    let (message, hint) = words(found)
    var severity = Diagnostic.Severity.error
    switch kind {
    case .numberedOwner, .analyzer, .unit(_, key: "mask"): severity = .warning
    // A generator may make it when the system starts.
    case .unitOfAddition(let unit) where unit.unitTemplate != nil: severity = .warning
    default: break
    }
    return Diagnostic(severity, message, at: position, hint: hint, showsLine: showsLine)
  }

  /// False for lines of users, which may contain a password.
  private var showsLine: Bool {
    switch kind {
    case .group, .home, .shell, .userNumber, .accountPrograms: false
    default: true
    }
  }

  private func words(_ found: [String]) -> (message: String, hint: String) {
    switch kind {
    case .accountPrograms:
      return (
        "users and groups need the program useradd, but no package up to this layer contains it",
        "add the package passwd to 'packages' of this layer"
      )
    case .groupNumber(let name, let number): return Self.number("group", name, "gid", number, found)
    case .userNumber(let name, let number): return Self.number("user", name, "uid", number, found)
    case .group(let name, let user):
      return (
        "there is no group '\(name)' for the user '\(user)'",
        Self.hint(name, found, "add it to 'groups', or the package that makes it to 'packages'")
      )
    case .home(let user):
      return (
        "the user '\(user)' already exists, and its home '\(found.first ?? "")' cannot store its authorizedKeys",
        "give the user a 'home', or remove authorizedKeys"
      )
    case .owner(let name, let path):
      return (
        "there is no user '\(name)' to own \(path)",
        Self.hint(name, found, "add it to 'users', or the package that makes it to 'packages'")
      )
    case .ownerGroup(let name, let path):
      return (
        "there is no group '\(name)' to own \(path)",
        Self.hint(name, found, "add it to 'groups', or the package that makes it to 'packages'")
      )
    case .unitPrograms:
      return (
        "units need systemd, but no package up to this layer contains it",
        "add the package systemd to 'packages' of this layer, or let it require the layer debian-minimal"
      )
    case .unit(let name, let key):
      return (
        "no package or layer contains the unit '\(name)', which '\(key)' names",
        (Self.unitHint(name, found).map { "did you mean '\($0)'? Otherwise its" } ?? "check its name; its")
          + " package must be among 'packages' of this layer or of one before it"
      )
    case .installable(let name):
      return found.first == "masked"
        ? (
          "the unit '\(name)' cannot be enabled: it is masked",
          "remove it from 'enable', or remove the mask from the other layer with 'override'"
        )
        : (
          "the unit '\(name)' cannot be enabled: its section [Install] names no unit that starts it",
          "add `WantedBy=multi-user.target` there, or remove the unit from 'enable' if another unit starts it"
        )
    case .unitChange(let name, let key):
      return (
        "systemctl cannot \(key == "default" ? "set the default target" : key) '\(name)': \(found.joined(separator: " "))",
        "check the unit's file and its name"
      )
    case .initProgram:
      return (
        "the system has no init: no package or layer contains \(RootExamination.initProgram)",
        "add the layer debian-minimal, or the package systemd-sysv"
      )
    case .analyzer:
      return (
        "the units of the layers are not verified: no package contains systemd-analyze",
        "add the package of systemd that contains it"
      )
    case .shell(let path, let user):
      return (
        "the shell \(path) of the user '\(user)' does not exist, or is not executable",
        Self.hint(path, found, "add the package that contains it to 'packages'")
      )
    case .unitOfAddition(let unit):
      return (
        "the settings have no effect: no package or layer contains the unit '\(unit)'",
        (Self.unitHint(unit, found).map { "did you mean '\($0)'? Otherwise add" }
          ?? "check the name of the folder, or add")
          + " the package that contains the unit"
      )
    case .unitAccount(let name, let key, let unit):
      let kind = key.hasSuffix("User") ? "user" : "group"
      return (
        "there is no \(kind) '\(name)', which '\(key)' of the unit '\(unit)' names: the unit would not start",
        Self.hint(name, found, "add it to '\(kind)s' of a layer, or the package that makes it to 'packages'")
      )
    case .numberedOwner(let number, let path):
      return (
        "no user or group has the number \(number), which owns \(path)",
        "name the owner, or make an account with this number"
      )
    }
  }

  private static func number(
    _ kind: String, _ name: String, _ key: String, _ number: UInt32, _ found: [String]
  ) -> (String, String) {
    let what = found.count > 1 ? found[1] : ""
    return found.first == "taken"
      ? (
        "the \(kind) '\(name)' cannot have the number \(number): the \(kind) '\(what)' has it",
        "choose another number, or remove '\(key)'"
      )
      : (
        "the \(kind) '\(name)' already exists and has the number \(what), not \(number)",
        "remove '\(key)' to use the existing account, or give the account of the layer another name"
      )
  }

  private static func hint(_ name: String, _ candidates: [String], _ otherwise: String) -> String {
    NearestName.nearest(to: name, among: candidates).map { "did you mean '\($0)'? Otherwise \(otherwise)" } ?? otherwise
  }

  /// The nearest unit of the same type, compared without the type's suffix.
  private static func unitHint(_ name: String, _ candidates: [String]) -> String? {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let ending = name[dot...]
    let stems = candidates.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
    if let nearest = NearestName.nearest(to: String(name[..<dot]), among: stems) { return nearest + ending }
    // The right name with another suffix.
    return candidates.first { candidate in
      candidate.hasPrefix(name[..<dot] + ".") && ![".d", ".wants", ".requires"].contains(where: candidate.hasSuffix)
    }
  }
}

extension [RootClaim] {
  /// Parses the output of a script that checks these claims.
  func problems(_ said: String) -> [Diagnostic] {
    said.split(separator: "\n").compactMap { line in
      let words = line.split(separator: "\t").map(String.init)
      guard let number = words.first.flatMap({ Int($0) }), indices.contains(number) else { return nil }
      return self[number].problem(Array<String>(words.dropFirst()))
    }
  }
}
