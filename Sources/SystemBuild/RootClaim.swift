import FoundationEssentials
import Project
import Spelling

/// Something that a layer says of the root file system, and that only the root can tell: the layer's packages bring it, or not.
///
/// A script looks, and writes a line for each claim that is false: the claim's number, and what it found, divided by tabs.
struct RootClaim: Sendable, Equatable {
  /// The claim.
  enum Kind: Sendable, Equatable {
    /// The program that makes users and groups is there.
    case accountPrograms
    /// A group can have a number.
    case groupNumber(String, UInt32)
    /// A user can have a number.
    case userNumber(String, UInt32)
    /// A group is there, which a user is to be in.
    case group(String, ofUser: String)
    /// A user has a home that can keep keys.
    case home(ofUser: String)
    /// A user is there, who is to own a path.
    case owner(String, ofPath: String)
    /// A group is there, which is to own a path.
    case ownerGroup(String, ofPath: String)
    /// Programs of systemd are there.
    case unitPrograms
    /// A unit is there that a key of `units` names.
    case unit(String, key: String)
    /// A unit can be enabled.
    case installable(String)
    /// systemctl does what a key of `units` asks for.
    case unitChange(String, key: String)
    /// The program is there that starts everything else.
    case initProgram
    /// The program is there that verifies units.
    case analyzer
    /// A user's shell is there.
    case shell(String, ofUser: String)
    /// A unit is there that a layer adds settings to.
    case unitOfAddition(String)
    /// An account is there that a key of a unit's file names.
    case unitAccount(String, key: String, unit: String)
    /// An account has a number that owns a path.
    case numberedOwner(String, ofPath: String)
  }

  var kind: Kind
  var position: SourcePosition

  /// The problem with a claim that is false.
  ///
  /// - Parameter found: The words that the script found.
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

  /// The line of a user may have a password in it.
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
        "users and groups need the program useradd, which no package brings so far",
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
        "the user '\(user)' is there already and has no home for its authorizedKeys: it is '\(found.first ?? "")'",
        "give the user a 'home', or leave authorizedKeys out"
      )
    case .owner(let name, let path):
      return (
        "there is no user '\(name)', who is to own \(path)",
        Self.hint(name, found, "add it to 'users', or the package that makes it to 'packages'")
      )
    case .ownerGroup(let name, let path):
      return (
        "there is no group '\(name)', which is to own \(path)",
        Self.hint(name, found, "add it to 'groups', or the package that makes it to 'packages'")
      )
    case .unitPrograms:
      return (
        "units need systemd, which no package brings so far",
        "add the package systemd to 'packages' of this layer, or let it require the layer debian-minimal"
      )
    case .unit(let name, let key):
      return (
        "no package or layer brings the unit '\(name)', which '\(key)' names",
        (Self.unitHint(name, found).map { "did you mean '\($0)'? Otherwise its" } ?? "check its name; its")
          + " package must be among 'packages' of this layer or of one before it"
      )
    case .installable(let name):
      return found.first == "masked"
        ? (
          "the unit '\(name)' cannot be enabled: it is masked",
          "leave it out of 'enable', or take the mask out of the other layer with 'override'"
        )
        : (
          "the unit '\(name)' cannot be enabled: nothing in its section [Install] says what starts it",
          "add `WantedBy=multi-user.target` there, or leave the unit out of 'enable' if another one starts it"
        )
    case .unitChange(let name, let key):
      return (
        "systemctl cannot \(key == "default" ? "set the default target" : key) '\(name)': \(found.joined(separator: " "))",
        "check the unit's file and its name"
      )
    case .initProgram:
      return (
        "the system has nothing that starts it: no package or layer brings \(RootExamination.initProgram)",
        "add the layer debian-minimal, or the package systemd-sysv"
      )
    case .analyzer:
      return (
        "the units of the layers are not verified: no package brings systemd-analyze",
        "add the package of systemd that has it"
      )
    case .shell(let path, let user):
      return (
        "the shell \(path) of the user '\(user)' is not there, or cannot be run",
        Self.hint(path, found, "add the package that brings it to 'packages'")
      )
    case .unitOfAddition(let unit):
      return (
        "the settings have no effect: no package or layer brings the unit '\(unit)'",
        (Self.unitHint(unit, found).map { "did you mean '\($0)'? Otherwise add" }
          ?? "check the name of the folder, or add")
          + " the package that brings the unit"
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
        "choose another number, or leave '\(key)' out"
      )
      : (
        "the \(kind) '\(name)' is there already and has the number \(what), not \(number)",
        "leave '\(key)' out and take the account as it is, or give the layer's own another name"
      )
  }

  private static func hint(_ name: String, _ candidates: [String], _ otherwise: String) -> String {
    NearestName.nearest(to: name, among: candidates).map { "did you mean '\($0)'? Otherwise \(otherwise)" } ?? otherwise
  }

  /// The nearest unit of the same kind, by its name without the ending that all of them share.
  private static func unitHint(_ name: String, _ candidates: [String]) -> String? {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let ending = name[dot...]
    let stems = candidates.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
    if let nearest = NearestName.nearest(to: String(name[..<dot]), among: stems) { return nearest + ending }
    // The right name with another ending.
    return candidates.first { candidate in
      candidate.hasPrefix(name[..<dot] + ".") && ![".d", ".wants", ".requires"].contains(where: candidate.hasSuffix)
    }
  }
}

extension [RootClaim] {
  /// What a script said of these claims.
  func problems(_ said: String) -> [Diagnostic] {
    said.split(separator: "\n").compactMap { line in
      let words = line.split(separator: "\t").map(String.init)
      guard let number = words.first.flatMap({ Int($0) }), indices.contains(number) else { return nil }
      return self[number].problem(Array<String>(words.dropFirst()))
    }
  }
}
