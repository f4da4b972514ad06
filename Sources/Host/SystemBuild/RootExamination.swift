import FoundationEssentials
import Project
import Sandbox

/// Checks of a system that need the complete root file system: the init program, shells, numeric owners, and the units
/// that layers add or enable.
///
/// The root's own systemd checks the units (`systemd-analyze verify`), so that the rules of the system's suite apply.
struct RootExamination {
  private var claims: [RootClaim] = []
  private var lines: [String] = []
  /// Units to verify, in the order of the layers, with the first position that names them.
  private var units: [(name: String, position: SourcePosition)] = []
  /// Unit files and drop-in files, by path.
  private var files: [String: SystemFile] = [:]
  /// Number of the claim that `systemd-analyze` exists.
  private var analyzer = 0

  /// Plans the checks of a root.
  ///
  /// - Parameters:
  ///   - system: The system as defined in the project.
  ///   - position: Position of the image in the project.
  init(_ system: SystemDefinition, position: SourcePosition) {
    ask(.initProgram, at: position) { "[ -x \(Self.initProgram) ] || fault \($0)" }
    let users = system.layers.flatMap(\.users)
    for user in users {
      guard let shell = user.shell else { continue }
      let path = shell.value.quotedForShell
      ask(.shell(shell.value, ofUser: user.name), at: shell.position) {
        "{ [ -x \(path) ] && [ ! -d \(path) ]; } || fault \($0) \"$(grep -s '^/' /etc/shells | tr '\\n' '\t')\""
      }
    }
    askForOwners(of: system.layers.flatMap(\.files))
    for unit in system.layers.flatMap(\.units.masked) where Self.isBroughtByFiles(unit.value) {
      let names = [unit.value, unit.value.unitTemplate].compactMap(\.self).map(\.quotedForShell).joined(separator: " ")
      // Ignore the link that `systemctl mask` has made in /etc.
      ask(.unit(unit.value, key: "mask"), at: unit.position) {
        "unit_folders=$packaged; find_unit \(names) || fault \($0) \"$(units)\"; unit_folders=$all"
      }
    }
    for layer in system.layers { addUnits(of: layer) }
    for file in files.values.sorted(by: { $0.path < $1.path }) {
      guard let unit = file.unitOfAddition, Self.isBroughtByFiles(unit), !unit.isPrefix else { continue }
      ask(.unitOfAddition(unit), at: UnitSettings(file).first) {
        "find_unit \(Self.names(of: unit)) || fault \($0) \"$(units)\""
      }
    }
    askForAccounts()
    analyzer = claims.count
    claims.append(RootClaim(kind: .analyzer, position: units.first?.position ?? position))
  }

  /// The init program, which stage 1 executes.
  static let initProgram = "/usr/lib/systemd/systemd"

  private mutating func ask(_ kind: RootClaim.Kind, at position: SourcePosition, _ script: (Int) -> String) {
    claims.append(RootClaim(kind: kind, position: position))
    lines.append(script(claims.count - 1))
  }

  private mutating func askForOwners(of files: [SystemFile]) {
    var seen: Set<String> = []
    for file in files {
      for (database, number) in [("passwd", file.owner), ("group", file.group)] {
        guard UInt32(number) != nil, seen.insert("\(database) \(number)").inserted else { continue }
        ask(.numberedOwner(number, ofPath: file.path), at: file.position) {
          "getent \(database) \(number) >/dev/null || fault \($0)"
        }
      }
    }
  }

  /// Asks for the users and groups of the units that layers bring or add to.
  private mutating func askForAccounts() {
    let files = files.values.filter { !$0.isSecret }
    for unit in Set(files.compactMap { $0.unit ?? $0.unitOfAddition }).sorted() {
      // In the order in which systemd reads them: the unit's own file, then additions by name; what comes later counts.
      let own = files.filter { $0.unit == unit }.min { $0.path < $1.path }
      let additions = files.filter { $0.unitOfAddition == unit }.sorted {
        ($0.fileName, $1.path) < ($1.fileName, $0.path)
      }
      for account in UnitSettings.accounts(of: ([own].compactMap(\.self) + additions).map { UnitSettings($0) }) {
        let database = account.key.hasSuffix("User") ? "passwd" : "group"
        ask(.unitAccount(account.name, key: account.key, unit: unit), at: account.position) {
          "! find_unit \(Self.names(of: unit)) || is_masked || \(account.mayBeDynamic ? "is_dynamic || " : "")"
            + "account \(database) \(account.name.quotedForShell) || fault \($0) \"$(names \(database))\""
        }
      }
    }
  }

  private static func names(of unit: String) -> String {
    [unit, unit.unitTemplate].compactMap(\.self).map(\.quotedForShell).joined(separator: " ")
  }

  /// Functions of the script in addition to ``ContentScript/functions``.
  private static let functions = """
    # An account that is there, or that systemd-sysusers makes.
    account() {
      getent "$1" "$2" >/dev/null && return 0
      group=; [ "$1" = passwd ] || group="g $2"
      cat /etc/sysusers.d/*.conf /usr/lib/sysusers.d/*.conf 2>/dev/null | tr -s ' \t' ' ' | cut -d ' ' -f 1,2 |
        grep -Fqx -e "u $2" -e "u! $2" -e "${group:-u $2}"
    }
    is_dynamic() {
      grep -Eqs '^[[:space:]]*DynamicUser[[:space:]]*=[[:space:]]*(1|y|yes|t|true|on)[[:space:]]*$' "$file" "$file".d/*.conf /etc/systemd/system/"${file##*/}".d/*.conf
    }

    """

  /// False for unit types that programs generate at system start, for example for disks and devices.
  private static func isBroughtByFiles(_ unit: String) -> Bool {
    [".service", ".socket", ".target", ".timer", ".path"].contains { unit.hasSuffix($0) }
  }

  private mutating func addUnits(of layer: SystemLayer) {
    var found: [(name: String, position: SourcePosition)] = []
    for file in layer.files {
      if file.content == .absent {
        files[file.path] = nil
      } else if let unit = file.unit {
        files[file.path] = file
        found.append((unit, file.position))
      } else if let unit = file.unitOfAddition {
        files[file.path] = file
        found.append((unit, file.position))
      }
    }
    found += layer.units.enabled.map { ($0.value, $0.position) }
    for unit in found where !units.contains(where: { $0.name == unit.name }) { units.append(unit) }
  }

  /// The script; it writes problems to standard output.
  var script: String {
    var text =
      ContentScript.functions + Self.functions + "all=$unit_folders packaged=${unit_folders#/etc/systemd/system }\n"
    text += lines.joined(separator: "\n") + "\n"
    guard !units.isEmpty else { return text }
    text += "set --\n"
    for unit in units {
      let names = [unit.name, unit.name.unitTemplate].compactMap(\.self).map(\.quotedForShell).joined(separator: " ")
      text +=
        "! find_unit \(names) || is_masked || case $file in /etc/init.d/*) ;; *) set -- \"$@\" \(unit.name.quotedForShell) ;; esac\n"
    }
    text += """
      if [ $# -gt 0 ] && command -v systemd-analyze; then
        options=--man=no
        ! systemd-analyze --help | grep -q recursive-errors || options="$options --recursive-errors=no"
        systemd-analyze verify $options "$@" 2>&1 | sed 's/^/verify\\t/' >&3 || :
      elif [ $# -gt 0 ]; then fault \(analyzer)
      fi

      """
    return text
  }

  /// Parses the output of the script.
  func problems(_ said: String) -> [Diagnostic] {
    var problems = claims.problems(said)
    var judged: Set<String> = []
    for line in said.split(separator: "\n") where line.hasPrefix("verify\t") {
      guard let verdict = verdict(String(line.dropFirst("verify\t".count)), judged) else { continue }
      judged.insert(verdict.unit)
      problems.append(verdict.problem)
    }
    return problems
  }

  /// Phrases of systemd for a unit that does not start, or ignores part of its file.
  private static let fatal = [
    "Unknown section", "Invalid section header", "Assignment outside of section", "Missing '='", "Refusing",
    "bad unit file setting", "fatal error", "is not executable", "Neither a valid executable", "failed to load",
  ]

  /// The problem in a line of `systemd-analyze`; `nil` if an earlier line described it better, or if no layer names the
  /// unit.
  private func verdict(_ line: String, _ judged: Set<String>) -> (unit: String, problem: Diagnostic)? {
    let severity: Diagnostic.Severity = Self.fatal.contains(where: line.contains) ? .error : .warning
    // A package's unit is not the project's to fix, and the finding may be harmless, so it is only a warning.
    func problem(
      _ message: String, _ position: SourcePosition, hint: String, _ severity: Diagnostic.Severity = severity
    ) -> Diagnostic {
      Diagnostic(severity, message.hasSuffix(".") ? String(message.dropLast()) : message, at: position, hint: hint)
    }
    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    if line.hasPrefix("/"), parts.count == 3, let number = Int(parts[1]) {
      let (path, message) = (String(parts[0]), parts[2].drop { $0 == " " })
      let name = URL(fileURLWithPath: path).lastPathComponent
      let hint = "see systemd.syntax(7) and systemd.directives(7)"
      guard let file = files[path] ?? files["/usr\(path)"] else {
        guard let unit = units.first(where: { $0.name == name }) else { return nil }
        return (name, problem("\(path), line \(number): \(message)", unit.position, hint: Self.packageHint, .warning))
      }
      let unit = file.unitOfAddition ?? name
      guard case .file(let url) = file.content else {
        return (unit, problem("\(path), line \(number): \(message)", file.position, hint: hint))
      }
      return (unit, problem(String(message), SourcePosition(file: url, line: number, column: 1), hint: hint))
    }
    // First `UNIT: …`, then `Unit UNIT …`, which adds no information.
    let words = line.split(separator: " ", maxSplits: 2)
    let isRepetition = words.first == "Unit" && words.count == 3
    let name = isRepetition ? String(words[1]) : String(parts[0])
    guard let unit = units.first(where: { $0.name == name || Self.isInstance(name, of: $0.name) }),
      !isRepetition || !judged.contains(unit.name)
    else { return nil }
    let message =
      isRepetition ? words[2] : Substring(parts.dropFirst().joined(separator: ":")).drop { $0 == " " }
    guard files.values.contains(where: { $0.unit == unit.name }) else {
      return (
        unit.name,
        problem("the unit '\(unit.name)': \(message)", unit.position, hint: Self.packageHint, .warning)
      )
    }
    return (
      unit.name,
      problem("the unit '\(unit.name)': \(message)", place(of: unit, message), hint: "the unit would not start")
    )
  }

  private static let packageHint =
    "this unit comes from a package; if a program is missing, it may be in another package"

  /// The line of the unit's file with the program that the message names, or else the file's first line. For a unit
  /// that no layer contains, the line that enables it.
  private func place(of unit: (name: String, position: SourcePosition), _ message: Substring) -> SourcePosition {
    guard let file = files.values.first(where: { $0.unit == unit.name }) else { return unit.position }
    guard case .file(let url) = file.content else { return file.position }
    let program = message.split(separator: " ").first { $0.hasPrefix("/") }
    let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let index = program.flatMap { program in
      lines.firstIndex { $0.hasPrefix("Exec") && $0.contains(program) }
    }
    return SourcePosition(file: url, line: (index ?? 0) + 1, column: 1)
  }

  /// True for the instance of a template that systemd makes to verify it.
  private static func isInstance(_ name: String, of template: String) -> Bool {
    template.contains("@.") && name.unitTemplate == template
  }
}

extension SystemFile {
  /// Name of the unit that this drop-in file extends (`UNIT.d/*.conf`); `nil` for other files.
  fileprivate var unitOfAddition: String? {
    guard path.hasSuffix(".conf"), content != .folder else { return nil }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    guard folder.pathExtension == "d", folder.deletingLastPathComponent().path.hasSuffix("/systemd/system") else {
      return nil
    }
    let name = folder.deletingPathExtension().lastPathComponent
    return name.contains(".") ? name : nil
  }
}

extension SystemFile {
  fileprivate var fileName: String { URL(fileURLWithPath: path).lastPathComponent }
}

extension String {
  /// True for the beginning of units' names (`foo-.service`), all of which an addition is for.
  fileprivate var isPrefix: Bool { lastIndex(of: ".").map { self[..<$0].hasSuffix("-") } == true }
}

extension SystemRoot {
  /// Checks that the complete root can start, and that the units, shells and owners named by layers are valid.
  ///
  /// - Parameters:
  ///   - system: The system as defined in the project.
  ///   - position: Position of the image in the project.
  /// - Returns: Warnings.
  /// - Throws: `ProjectProblems` if the root contradicts the project; `CommandFailure`, `FileFailure`.
  public func examine(_ system: SystemDefinition, position: SourcePosition) async throws -> [Diagnostic] {
    let examination = RootExamination(system, position: position)
    let said = try await sandbox.run(
      examination.script, root: .view(lower: stack.lower), to: "examine the root file system")
    let problems = examination.problems(said)
    guard !problems.contains(where: { $0.severity == .error }) else { throw ProjectProblems(problems) }
    return problems
  }
}
