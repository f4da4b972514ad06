import DeviceModel
import Glibc
import LinuxSystem
import Provisioning

/// Applies the values of the first boot that concern the user: account, password, groups, SSH.
struct UserSettings {
  /// The root that is being prepared.
  let root: String
  let values: FirstBootValues

  private static let secureShell = "/etc/ssh"
  private static let sudoers = "/etc/sudoers.d"
  private static let shells = ["/bin/bash", "/bin/sh"]

  /// Returns a message for each value that has no effect in this image.
  var problems: [String] {
    var problems: [String] = []
    func need(_ place: String, for keys: [FirstBootValues.Key], called name: String) {
      let given = keys.filter { values[$0] != nil }
      guard !given.isEmpty, !FileTree.exists(root + place) else { return }
      let list = given.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      problems.append("\(list): no effect: the image has no \(name)")
    }
    need(Self.secureShell, for: [.authorizedKeys, .sshPasswords], called: "SSH server")
    if values.flag(.ssh) == true { need(Self.secureShell, for: [.ssh], called: "SSH server") }
    if values.flag(.passwordlessSudo) == true { need(Self.sudoers, for: [.passwordlessSudo], called: "sudo") }
    if values[.user] == nil {
      let keys = [FirstBootValues.Key.userPasswordHash, .userGroups, .passwordlessSudo].filter { values[$0] != nil }
      if !keys.isEmpty {
        problems.append("\(keys.map { "`\($0.rawValue)`" }.joined(separator: ", ")): no effect: `user` is missing")
      }
    } else if let accounts = try? AccountFiles(in: root) {
      let missing = values.all(.userGroups).filter { !accounts.hasGroup($0) }
      if !missing.isEmpty {
        problems.append("`user-groups`: the image has no group \(missing.joined(separator: ", "))")
      }
    }
    return problems
  }

  /// Applies the values.
  ///
  /// - Returns: Home folder that has to persist, if the values have a user that the image does not have.
  /// - Throws: `SystemError` if a file cannot be written.
  func apply() throws(SystemError) -> String? {
    var home: String?
    if let name = values[.user] { home = try setUser(name) }
    try setSecureShell()
    return home
  }

  private func setUser(_ name: String) throws(SystemError) -> String? {
    var accounts = try AccountFiles(in: root)
    var newHome: String?
    if accounts.user(name) == nil {
      let home = "/home/\(name)"
      let shell = Self.shells.first { FileTree.exists(root + $0) } ?? "/bin/sh"
      // The owner of the persisted folder had this id in earlier releases, too.
      var status = stat()
      let hasHome = stat("\(root)\(DevicePaths.state)\(home)", &status) == 0
      guard let user = accounts.add(name, wantedID: hasHome ? status.st_uid : nil, home: home, shell: shell) else {
        throw SystemError("make a user id for", name, code: ERANGE)
      }
      if !hasHome { try makeHome(of: user) }
      newHome = home
    }
    if let hash = values[.userPasswordHash] { accounts.setPassword(hash, of: name) }
    for group in values.all(.userGroups) { accounts.join(group, name) }
    try accounts.write()
    if values.flag(.passwordlessSudo) == true, FileTree.isFolder(root + Self.sudoers) {
      try FileTree.replace(
        "\(root)\(Self.sudoers)/first-boot", with: Array("\(name) ALL=(ALL:ALL) NOPASSWD: ALL\n".utf8), mode: 0o440)
    }
    return newHome
  }

  /// Makes a home folder with the content of `/etc/skel`.
  private func makeHome(of user: AccountFiles.User) throws(SystemError) {
    let home = root + user.home
    try FileTree.makeFolders(FileTree.parent(of: home))
    guard !FileTree.exists(home) else { return }
    let template = root + "/etc/skel"
    if FileTree.isFolder(template) {
      try TreeCopy.copy(template, to: home)
    } else {
      try FileTree.makeFolders(home)
    }
    Self.give(home, to: user)
    chmod(home, 0o700)
  }

  private static func give(_ path: String, to user: AccountFiles.User) {
    lchown(path, user.uid, user.gid)
    guard FileTree.isFolder(path) else { return }
    for name in FileTree.names(in: path) { give("\(path)/\(name)", to: user) }
  }

  /// Configures the SSH server. The keys are in a file of root, so that the user's own folder is never written.
  private func setSecureShell() throws(SystemError) {
    let folder = root + Self.secureShell
    guard FileTree.isFolder(folder) else { return }
    let keys = Array(values.authorizedKeys.map { $0 + "\n" }.joined().utf8)
    var lines: [String] = []
    if let name = values[.user], !keys.isEmpty {
      try FileTree.makeFolders("\(folder)/authorized_keys.d")
      try FileTree.replace("\(folder)/authorized_keys.d/\(name)", with: keys)
      lines.append(
        "AuthorizedKeysFile .ssh/authorized_keys \(Self.secureShell)/authorized_keys \(Self.secureShell)/authorized_keys.d/%u"
      )
    } else if !keys.isEmpty {
      try FileTree.replace("\(folder)/authorized_keys", with: keys)
    }
    if let allows = values.flag(.sshPasswords) { lines.append("PasswordAuthentication \(allows ? "yes" : "no")") }
    if !lines.isEmpty {
      // The first value of a setting counts (sshd_config(5)), so this file comes before those of the image.
      try FileTree.makeFolders("\(folder)/sshd_config.d")
      try FileTree.replace(
        "\(folder)/sshd_config.d/00-first-boot.conf", with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
    if let runs = values.flag(.ssh) { try setUnit(runs: runs) }
  }

  private func setUnit(runs: Bool) throws(SystemError) {
    let units = root + "/etc/systemd/system"
    for unit in ["ssh.service", "ssh.socket"] {
      guard FileTree.exists("\(root)/usr/lib/systemd/system/\(unit)") else { continue }
      if !runs {
        unlink("\(units)/\(unit)")
        try FileTree.makeFolders(units)
        guard symlink("/dev/null", "\(units)/\(unit)") == 0 else { throw SystemError("mask", unit) }
      } else if unit == "ssh.service" {
        let wants = "\(units)/multi-user.target.wants"
        try FileTree.makeFolders(wants)
        if symlink("/usr/lib/systemd/system/\(unit)", "\(wants)/\(unit)") < 0, errno != EEXIST {
          throw SystemError("enable", unit)
        }
      }
    }
  }
}
