import FoundationEssentials
import Hashing
import HostSystem
import Project

/// A shell script that adds a layer's users, files and units to a root.
///
/// The script writes all contradictions to the layer's definition to standard output. ``problems(_:)`` parses them. If
/// there are any, the resulting layer must be discarded.
struct ContentScript {
  /// The path in the sandbox of the folder with the contents of files.
  static let contents = "/run/cultivar/contents"

  /// Contents of files, by file name in the folder.
  private(set) var files: [String: Content] = [:]
  private var lines: [String] = []
  private var claims: [RootClaim] = []

  enum Content: Sendable {
    case file(URL)
    case text(String)
  }

  /// Makes the script for the part of a layer without secrets.
  ///
  /// - Parameter late: Changes of units, of this layer and earlier ones, whose units may still be missing.
  init(_ layer: SystemLayer, late: LateUnits.Share = LateUnits.Share()) {
    if let first = layer.groups.first?.position ?? layer.users.first?.position {
      let claim = claim(.accountPrograms, at: first)
      lines.append("command -v useradd >/dev/null || { fault \(claim); exit 0; }")
    }
    for group in layer.groups { add(group) }
    for user in layer.users { add(user) }
    add(layer.files.filter { !$0.isSecret }, accounts: Set(layer.users.map(\.name) + layer.groups.map(\.name)))
    if !late.retries.isEmpty {
      lines.append("if [ -s $late_units ]; then")
      for retry in late.retries { add(retry) }
      lines.append("fi")
    }
    add(layer.units, own: Set(layer.files.compactMap(\.unit)), mayWait: late.mayWait)
  }

  /// Makes the script for the secrets of all layers: passwords, and files with secrets.
  init(secretsOf layers: [SystemLayer]) {
    for layer in layers {
      for user in layer.users { addPassword(of: user) }
    }
    add(layers.flatMap(\.files).filter(\.isSecret), accounts: [])
    if !lines.isEmpty { lines.append("rm -f /etc/shadow- /etc/passwd- /etc/.pwd.lock") }
  }

  /// The script; empty if there is nothing to do.
  var text: String { lines.isEmpty ? "" : Self.functions + lines.joined(separator: "\n") + "\n" }

  /// Parses the script's output and returns the contradictions between the root and the layer's definition.
  func problems(_ said: String) -> [Diagnostic] { claims.problems(said) }

  /// Shell functions that check a root.
  static let functions = """
    exec 3>&1 1>&2
    faulty= placed=
    fault() { faulty=1; (IFS='\t'; printf '%s\\n' "$*") >&3; }
    names() { getent "$1" | cut -d: -f1 | tr '\\n' '\t'; }
    unit_folders='/etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system'
    units() { ls $unit_folders 2>/dev/null | tr '\\n' '\t'; }
    # A unit by its name, or by that of its template; a script of System V stands for one.
    find_unit() {
      for name in "$@"; do
        for folder in $unit_folders; do
          file=$folder/$name
          if [ -e "$file" ] || [ -L "$file" ]; then return 0; fi
        done
      done
      file=/etc/init.d/${1%.service}
      [ "$1" != "${1%.service}" ] && [ -x "$file" ]
    }
    late_units=/var/lib/cultivar-late-units
    is_late() { grep -Fqsx -e "$1" $late_units; }
    no_longer_late() {
      grep -Fvx -e "$1" $late_units > $late_units.new || :
      mv $late_units.new $late_units; [ -s $late_units ] || rm $late_units
    }
    is_masked() { [ "$(readlink "$file" || :)" = /dev/null ]; }
    has_install() {
      case $file in /etc/init.d/*) return 0 ;; esac
      grep -Eqs '^[[:space:]]*(WantedBy|RequiredBy|UpheldBy|Alias|Also)[[:space:]]*=' "$file" "$file".d/*.conf /etc/systemd/system/"${file##*/}".d/*.conf
    }

    """

  /// Registers a claim and returns its number, which the script prints if the claim is false.
  private mutating func claim(_ kind: RootClaim.Kind, at position: SourcePosition) -> Int {
    claims.append(RootClaim(kind: kind, position: position))
    return claims.count - 1
  }

  private mutating func add(_ group: SystemGroup) {
    let kind = group.isSystem ? " --system" : ""
    let name = group.name.quotedForShell
    guard let gid = group.gid else {
      lines.append("getent group \(name) >/dev/null || groupadd\(kind) \(name)")
      return
    }
    let claim = claim(.groupNumber(group.name, gid), at: group.position)
    lines += [
      "if found=$(getent group \(name)); then",
      "  found=$(echo \"$found\" | cut -d: -f3); [ \"$found\" = \(gid) ] || fault \(claim) is \"$found\"",
      "elif found=$(getent group \(gid)); then fault \(claim) taken \"${found%%:*}\"",
      "else groupadd\(kind) --gid \(gid) \(name); fi",
    ]
  }

  private mutating func add(_ user: SystemUser) {
    let name = user.name.quotedForShell
    lines.append("sound=1")
    for group in [user.group].compactMap(\.self) + user.groups {
      let claim = claim(.group(group.value, ofUser: user.name), at: group.position)
      lines.append(
        "getent group \(group.value.quotedForShell) >/dev/null || { fault \(claim) \"$(names group)\"; sound=; }")
    }
    var options: [String] = user.isSystem ? ["--system"] : []
    if let uid = user.uid { options.append("--uid \(uid)") }
    if let group = user.group {
      options.append("--gid \(group.value.quotedForShell)")
    } else {
      // The group may exist already.
      options.append("$(if getent group \(name) >/dev/null; then echo --gid \(name); else echo --user-group; fi)")
    }
    let home = user.home?.value ?? (user.isSystem ? "/nonexistent" : "/home/\(user.name)")
    options.append("--home-dir \(home.quotedForShell) \(user.hasHome ? "--create-home" : "--no-create-home")")
    let shell = (user.shell?.value).map(\.quotedForShell) ?? (user.isSystem ? "/usr/sbin/nologin" : "\"$shell\"")
    lines.append("shell=/bin/bash; [ -x /bin/bash ] || shell=/bin/sh")
    lines.append("if ! id -u \(name) >/dev/null 2>&1; then")
    let number = user.uid.map { ($0, claim(.userNumber(user.name, $0), at: user.position)) }
    if let (uid, claim) = number {
      lines.append("  if found=$(getent passwd \(uid)); then fault \(claim) taken \"${found%%:*}\"; sound=; fi")
    }
    lines.append("  [ -z \"$sound\" ] || useradd \(options.joined(separator: " ")) --shell \(shell) \(name)")
    // A package or an earlier layer has made the account. The settings of this layer take precedence.
    let changes =
      [
        user.shell.map { "--shell \($0.value.quotedForShell)" }, user.group.map { "--gid \($0.value.quotedForShell)" },
        user.home.map { "--home \($0.value.quotedForShell)" },
      ].compactMap(\.self)
    lines.append("else")
    if let (uid, claim) = number {
      lines.append("  found=$(id -u \(name)); [ \"$found\" = \(uid) ] || { fault \(claim) is \"$found\"; sound=; }")
    }
    lines.append(
      changes.isEmpty ? "  :" : "  [ -z \"$sound\" ] || usermod \(changes.joined(separator: " ")) \(name)")
    lines.append("fi")
    lines.append("if [ -n \"$sound\" ]; then")
    if !user.groups.isEmpty {
      let groups = user.groups.map(\.value).joined(separator: ",")
      lines.append("  usermod --append --groups \(groups.quotedForShell) \(name)")
    }
    if !user.authorizedKeys.isEmpty {
      let file = store(.text(user.authorizedKeys.joined(separator: "\n") + "\n"))
      let claim = claim(.home(ofUser: user.name), at: user.position)
      lines += [
        // The home in the account database, because a package may have made the account with another one.
        "  home=$(getent passwd \(name) | cut -d: -f6)",
        "  case $home in",
        "  ''|/|/nonexistent|/dev/null) fault \(claim) \"$home\" ;;",
        "  *)",
        "    mkdir -p \"$home/.ssh\"", "    cp \(file) \"$home/.ssh/authorized_keys\"", "    chmod 700 \"$home/.ssh\"",
        "    chmod 600 \"$home/.ssh/authorized_keys\"", "    chown -R \(name): \"$home/.ssh\" ;;",
        "  esac",
      ]
    }
    lines += ["  :", "fi"]
  }

  private mutating func addPassword(of user: SystemUser) {
    guard let hash = user.passwordHash else { return }
    // On standard input, because all users can see arguments in the list of processes.
    lines.append("chpasswd --encrypted < \(store(.text("\(user.name):\(hash)\n")))")
  }

  /// Adds files in the order of writing, and checks before that their owners exist.
  ///
  /// - Parameter accounts: Users and groups that the script has already made or reported.
  private mutating func add(_ files: [SystemFile], accounts: Set<String>) {
    guard !files.isEmpty else { return }
    var seen: Set<String> = ["root"]
    for file in files where seen.insert(file.owner).inserted && UInt32(file.owner) == nil {
      guard !accounts.contains(file.owner) else { continue }
      let claim = claim(.owner(file.owner, ofPath: file.path), at: file.position)
      lines.append(
        "getent passwd \(file.owner.quotedForShell) >/dev/null || fault \(claim) \"$(names passwd)\"")
    }
    seen = ["root"]
    for file in files where seen.insert(file.group).inserted && UInt32(file.group) == nil {
      guard !accounts.contains(file.group) else { continue }
      let claim = claim(.ownerGroup(file.group, ofPath: file.path), at: file.position)
      lines.append("getent group \(file.group.quotedForShell) >/dev/null || fault \(claim) \"$(names group)\"")
    }
    lines.append("if [ -z \"$faulty\" ]; then placed=1")
    for file in files { add(file) }
    lines.append("fi")
  }

  private mutating func add(_ file: SystemFile) {
    let path = file.path.quotedForShell
    let parent = URL(fileURLWithPath: file.path).deletingLastPathComponent().path.quotedForShell
    var mode = file.mode ?? 0o644
    switch file.content {
    case .absent:
      lines.append("rm -rf --one-file-system -- \(path)")
      return
    case .link(let target):
      lines += makeRoom(path, in: parent) + ["ln -sfn \(target.quotedForShell) \(path)"]
      lines.append("chown -h \(file.owner.quotedForShell):\(file.group.quotedForShell) \(path)")
      return
    case .folder:
      mode = file.mode ?? 0o755
      lines.append("mkdir -p \(path)")
    case .file(let source):
      if file.mode == nil, FileManager.default.isExecutableFile(atPath: source.path) { mode = 0o755 }
      lines += makeRoom(path, in: parent) + ["cp \(store(.file(source))) \(path)"]
    case .text(let text):
      lines += makeRoom(path, in: parent) + ["cp \(store(.text(text))) \(path)"]
    }
    // A new file belongs to root, except for its group in a folder with the set-group-ID bit.
    let isRoots = file.owner == "root" && file.group == "root" && file.content != .folder
    lines.append(
      (isRoots ? "[ ! -g \(parent) ] || " : "")
        + "chown \(file.owner.quotedForShell):\(file.group.quotedForShell) \(path)")
    lines.append("chmod \(String(mode, radix: 8)) \(path)")
  }

  /// Lines that remove an existing file and make the parent folder. They start programs only if there is something to
  /// do.
  private func makeRoom(_ path: String, in parent: String) -> [String] {
    ["[ -d \(parent) ] || mkdir -p \(parent)", "{ [ ! -e \(path) ] && [ ! -L \(path) ]; } || rm -f \(path)"]
  }

  /// Adds changes of units.
  ///
  /// - Parameters:
  ///   - own: Names of the units that are files of this layer.
  ///   - mayWait: Changes that a later layer may make possible.
  private mutating func add(_ units: UnitChanges, own: Set<String>, mayWait: Set<LateUnits.Change>) {
    guard let first = (units.enabled + units.disabled + units.masked).first ?? units.defaultTarget else { return }
    let programs = claim(.unitPrograms, at: first.position)
    lines.append("command -v systemctl >/dev/null || { fault \(programs); exit 0; }")
    // In the order of safety: a masked unit stays masked.
    change(units.enabled, "enable", own: own, mayWait)
    change(units.disabled, "disable", own: own, mayWait)
    if !units.masked.isEmpty {
      let names = units.masked.map(\.value.quotedForShell).joined(separator: " ")
      lines.append("[ -n \"$faulty\" ] || systemctl --quiet mask \(names)")
    }
    change([units.defaultTarget].compactMap(\.self), "default", own: own, mayWait)
  }

  /// Checks that units exist, then changes them with systemctl.
  private mutating func change(
    _ units: [Located<String>], _ key: String, own: Set<String>, _ mayWait: Set<LateUnits.Change>
  ) {
    guard !units.isEmpty else { return }
    lines.append("set --")
    for unit in units {
      let change = LateUnits.Change(key: key, unit: unit.value)
      let missing =
        mayWait.contains(change)
        ? "printf '%s\\n' \(change.note.quotedForShell) >> $late_units"
        : "fault \(claim(.unit(unit.value, key: key), at: unit.position)) \"$(units)\""
      // Units of the layer itself are missing if its files could not be placed.
      let isOwn = own.contains(unit.value) || unit.value.unitTemplate.map(own.contains) == true
      var check = "if ! find_unit \(Self.names(of: unit.value)); then \(missing)"
      if key == "enable" {
        let claim = claim(.installable(unit.value), at: unit.position)
        check += "; elif is_masked; then fault \(claim) masked; elif ! has_install; then fault \(claim) install"
      }
      check += "; else set -- \"$@\" \(unit.value.quotedForShell); fi"
      lines.append((isOwn ? "[ -z \"$placed\" ] || " : "") + check)
    }
    lines.append("[ -n \"$faulty\" ] || [ $# -eq 0 ] || \(Self.command(key)) \"$@\" 2>/dev/null || {")
    for unit in units {
      let claim = claim(.unitChange(unit.value, key: key), at: unit.position)
      let name = unit.value.quotedForShell
      lines.append(
        "  case \" $* \" in *\" \"\(name)\" \"*) said=$(\(Self.command(key)) \(name) 2>&1) || fault \(claim) \"$(echo $said)\" ;; esac"
      )
    }
    lines.append("}")
  }

  /// Has systemctl make a change of an earlier layer if its unit was not there then and is now.
  private mutating func add(_ retry: LateUnits.Retry) {
    let (key, unit) = (retry.change.key, retry.change.unit)
    let note = retry.change.note.quotedForShell
    let failed = claim(.unitChange(unit, key: key), at: retry.position)
    var work =
      "said=$(\(Self.command(key)) \(unit.quotedForShell) 2>&1) || fault \(failed) \"$(echo $said)\""
    if key == "enable" {
      let claim = claim(.installable(unit), at: retry.position)
      // A layer in between may have masked it, and comes later than the wish.
      work = "if is_masked; then :; elif ! has_install; then fault \(claim) install; else \(work); fi"
    }
    var line = "if is_late \(note); then if find_unit \(Self.names(of: unit)); then no_longer_late \(note); \(work)"
    if retry.isLast {
      line += "; else fault \(claim(.unit(unit, key: key), at: retry.position)) \"$(units)\""
    }
    lines.append(line + "; fi; fi")
  }

  private static func names(of unit: String) -> String {
    [unit, unit.unitTemplate].compactMap(\.self).map(\.quotedForShell).joined(separator: " ")
  }

  private static func command(_ key: String) -> String {
    "systemctl --quiet \(key == "default" ? "set-default" : key)"
  }

  private mutating func store(_ content: Content) -> String {
    let name = "\(files.count)"
    files[name] = content
    return "\(Self.contents)/\(name)"
  }
}

extension SystemFile {
  /// Name of the systemd unit that this file defines; `nil` for other files.
  var unit: String? {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let folders = ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"]
    guard folders.contains(folder), content != .absent, content != .folder else { return nil }
    return URL(fileURLWithPath: path).lastPathComponent
  }
}

extension String {
  /// The template of an instance of a unit: `getty@.service` for `getty@tty1.service`; `nil` for other units.
  var unitTemplate: String? {
    guard let at = firstIndex(of: "@"), let dot = lastIndex(of: "."), at < dot, index(after: at) != dot else {
      return nil
    }
    return String(self[...at] + self[dot...])
  }
}

extension ContentScript {
  /// Adds everything that the result depends on to a cache key.
  func addTo(_ key: inout CacheKey) throws {
    key.add(text)
    for (name, content) in files.sorted(by: { Int($0.key) ?? 0 < Int($1.key) ?? 0 }) {
      key.add(name)
      switch content {
      case .file(let file): key.add(try Digest(ofFile: file.path))
      case .text(let text): key.add(text)
      }
    }
  }

  /// Adds everything that the result depends on to a cache key, secrets as keyed hashes that do not reveal them.
  func addTo(_ key: inout CacheKey, secretsOf cache: Cache) throws {
    key.add(text)
    for (name, content) in files.sorted(by: { Int($0.key) ?? 0 < Int($1.key) ?? 0 }) {
      let bytes =
        switch content {
        case .file(let file): String(decoding: try FolderTree.readFile(file.path), as: UTF8.self)
        case .text(let text): text
        }
      key.add([name, try cache.secretHash(of: bytes).text])
    }
  }

  /// Writes the contents of files to a folder, under the names that the script uses.
  func write(to folder: URL) throws {
    for (name, content) in files {
      let place = folder.appending(path: name).path
      switch content {
      case .file(let file): try FileManager.default.copyItem(atPath: file.path, toPath: place)
      case .text(let text): try FolderTree.writeFile(place, with: text.utf8)
      }
    }
  }
}
