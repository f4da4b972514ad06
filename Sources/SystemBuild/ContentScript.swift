import FoundationEssentials
import HostSystem
import Project

/// The shell script that puts a layer's users, files and units into a root.
struct ContentScript {
  /// Where the contents of files are seen.
  static let contents = "/run/cultivar/contents"

  /// Contents of files, by the name under which the script finds them.
  private(set) var files: [String: Content] = [:]
  private var lines: [String] = []

  /// Where a file's content is.
  enum Content: Sendable {
    case file(URL)
    case text(String)
  }

  /// The part of a layer that is no secret.
  init(_ layer: SystemLayer) {
    if !(layer.groups.isEmpty && layer.users.isEmpty) {
      lines.append(
        "command -v useradd >/dev/null || { echo 'users and groups take the package passwd, which no layer has' >&2; exit 1; }"
      )
    }
    for group in layer.groups { add(group) }
    for user in layer.users { add(user) }
    for file in layer.files where !file.isSecret { add(file) }
    add(layer.units)
  }

  /// The secrets of all layers: passwords, and files that hold one.
  init(secretsOf layers: [SystemLayer]) {
    for layer in layers {
      for user in layer.users { addPassword(of: user) }
      for file in layer.files where file.isSecret { add(file) }
    }
    if !lines.isEmpty { lines.append("rm -f /etc/shadow- /etc/passwd- /etc/.pwd.lock") }
  }

  /// The script; empty where there is nothing to do.
  var text: String { lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n" }

  private mutating func add(_ group: SystemGroup) {
    let number = group.gid.map { " --gid \($0)" } ?? ""
    let kind = group.isSystem ? " --system" : ""
    let name = group.name.quotedForShell
    lines.append("getent group \(name) >/dev/null || groupadd\(kind)\(number) \(name)")
    if let gid = group.gid {
      lines.append(
        "found=$(getent group \(name) | cut -d: -f3); [ \"$found\" = \(gid) ] || "
          + refusal("group", group.name, "is there already and has the number $found, not \(gid)"))
    }
  }

  private mutating func add(_ user: SystemUser) {
    let name = user.name.quotedForShell
    var options: [String] = user.isSystem ? ["--system"] : []
    if let uid = user.uid { options.append("--uid \(uid)") }
    if let group = user.group {
      options.append("--gid \(group.quotedForShell)")
    } else {
      options.append("--user-group")
    }
    let home = user.home ?? (user.isSystem ? nil : "/home/\(user.name)")
    options.append(
      home.map { "--home-dir \($0.quotedForShell) --create-home" } ?? "--home-dir /nonexistent --no-create-home")
    let shell = user.shell.map(\.quotedForShell) ?? (user.isSystem ? "/usr/sbin/nologin" : "\"$shell\"")
    lines.append("shell=/bin/bash; [ -x /bin/bash ] || shell=/bin/sh")
    lines.append("if ! id -u \(name) >/dev/null 2>&1; then")
    lines.append("  useradd \(options.joined(separator: " ")) --shell \(shell) \(name)")
    // A package has made the account, or an earlier layer: what the project says of it counts.
    let changes =
      [
        user.shell.map { "--shell \($0.quotedForShell)" }, user.group.map { "--gid \($0.quotedForShell)" },
        user.home.map { "--home \($0.quotedForShell)" },
      ].compactMap(\.self)
    if !changes.isEmpty { lines += ["else", "  usermod \(changes.joined(separator: " ")) \(name)"] }
    lines.append("fi")
    if let uid = user.uid {
      lines.append(
        "found=$(id -u \(name)); [ \"$found\" = \(uid) ] || "
          + refusal("user", user.name, "is there already and has the number $found, not \(uid)"))
    }
    for group in user.groups { lines.append("usermod --append --groups \(group.quotedForShell) \(name)") }
    if !user.authorizedKeys.isEmpty {
      let file = store(.text(user.authorizedKeys.joined(separator: "\n") + "\n"))
      lines += [
        // Its own home, which a package may have put elsewhere.
        "home=$(getent passwd \(name) | cut -d: -f6)",
        "case $home in ''|/|/nonexistent|/dev/null) "
          + refusal("user", user.name, "has no home for its authorizedKeys (it is '$home')") + " ;; esac",
        "mkdir -p \"$home/.ssh\"", "cp \(file) \"$home/.ssh/authorized_keys\"", "chmod 700 \"$home/.ssh\"",
        "chmod 600 \"$home/.ssh/authorized_keys\"", "chown -R \(name): \"$home/.ssh\"",
      ]
    }
  }

  /// Words of the shell that end the script for a reason that has to do with an account; ``AccountFailure`` finds its line.
  private func refusal(_ kind: String, _ name: String, _ reason: String) -> String {
    "{ echo \"account: \(kind) \(name) \(reason)\" >&2; exit 1; }"
  }

  private mutating func addPassword(of user: SystemUser) {
    guard let hash = user.passwordHash else { return }
    // On standard input: the list of processes shows arguments to everybody.
    lines.append("chpasswd --encrypted < \(store(.text("\(user.name):\(hash)\n")))")
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
    // A new file is root's, but in a folder that gives its group on.
    let isRoots = file.owner == "root" && file.group == "root" && file.content != .folder
    lines.append(
      (isRoots ? "[ ! -g \(parent) ] || " : "")
        + "chown \(file.owner.quotedForShell):\(file.group.quotedForShell) \(path)")
    lines.append("chmod \(String(mode, radix: 8)) \(path)")
  }

  /// The lines after which a file can be made; programs are started only where there is something to do.
  private func makeRoom(_ path: String, in parent: String) -> [String] {
    ["[ -d \(parent) ] || mkdir -p \(parent)", "{ [ ! -e \(path) ] && [ ! -L \(path) ]; } || rm -f \(path)"]
  }

  private mutating func add(_ units: UnitChanges) {
    func words(_ names: [String]) -> String { names.map(\.quotedForShell).joined(separator: " ") }
    // The order is that of safety: what is masked stays so.
    if !units.enabled.isEmpty { lines.append("systemctl --quiet enable \(words(units.enabled))") }
    if !units.disabled.isEmpty { lines.append("systemctl --quiet disable \(words(units.disabled))") }
    if !units.masked.isEmpty { lines.append("systemctl --quiet mask \(words(units.masked))") }
    if let target = units.defaultTarget { lines.append("systemctl --quiet set-default \(target.quotedForShell)") }
  }

  private mutating func store(_ content: Content) -> String {
    let name = "\(files.count)"
    files[name] = content
    return "\(Self.contents)/\(name)"
  }
}

extension ContentScript {
  /// Adds all that the result depends on.
  func addTo(_ key: inout CacheKey) throws {
    key.add(text)
    for (name, content) in files.sorted(by: { Int($0.key) ?? 0 < Int($1.key) ?? 0 }) {
      key.add(name)
      switch content {
      case .file(let file): key.add(try ContentHash(ofFile: file.path))
      case .text(let text): key.add(text)
      }
    }
  }

  /// Adds all that the result depends on, secrets in a form that says nothing of them.
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

  /// Writes the contents into a folder, under the names that the script uses.
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
