import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem
import Provisioning

/// Applies the values of the first boot to the root of a system. Each start does it again, as changes to the root are
/// discarded.
struct SystemSettings {
  /// The root that is being prepared.
  let root: String

  private static let zones = "/usr/share/zoneinfo"
  private static let locales = "/usr/lib/locale"
  private static let keyboard = "/etc/default/keyboard"
  private static let timeSynchronisation = "/usr/lib/systemd/systemd-timesyncd"
  private static let chrony = "/etc/chrony"

  /// Keys that an appliance takes.
  private static let applianceKeys: Set<FirstBootValues.Key> = [.hostname, .managementTokenHash]
  /// Keys that an appliance with a wireless network client takes in addition.
  private static let wirelessKeys: Set<FirstBootValues.Key> = [
    .wifiName, .wifiNameBytes, .wifiPassword, .wifiSecurity, .wifiHidden, .wifiCountry,
  ]

  /// Returns a message for each value that has no effect in this image.
  ///
  /// - Parameter isSystem: True for a system, false for an appliance.
  static func problems(of values: FirstBootValues, in root: String, isSystem: Bool) -> [String] {
    var problems: [String] = []
    if values[.managementTokenHash] != nil, !FileTree.exists(root + ManagementPlan.path) {
      problems.append("`management-token-hash`: no effect: the image has no management API")
    }
    guard isSystem else {
      let plan = (try? FileTree.read(root + DevicePlan.path)).flatMap {
        try? JSONDecoder().decode(DevicePlan.self, from: Data($0))
      }
      let taken = applianceKeys.union(plan?.wireless == nil ? [] : wirelessKeys)
      let others = values.keys.filter { !taken.contains($0) }.map { "`\($0.rawValue)`" }
      if !others.isEmpty { problems.append("\(others.joined(separator: ", ")): no effect: the image is an appliance") }
      return problems
    }
    let settings = SystemSettings(root: root)
    if let zone = values[.timezone], !FileTree.exists("\(root)\(zones)/\(zone)") {
      problems.append("`timezone`: no effect: the image has no time zone \(zone)")
    }
    if let locale = values[.locale], !settings.hasLocale(locale) {
      problems.append("`locale`: no effect: the image has no locale \(locale); add it to the image's layer `locale`")
    }
    if values[.keymap] != nil, !FileTree.exists(root + keyboard) {
      problems.append("`keymap`: no effect: the image has no keyboard-configuration")
    }
    if values[.timeServers] != nil, !FileTree.exists(root + timeSynchronisation), !FileTree.exists(root + chrony) {
      problems.append("`time-server`: no effect: the image has neither systemd-timesyncd nor chrony")
    }
    return problems + UserSettings(root: root, values: values).problems
      + NetworkSettings(root: root, values: values).problems
  }

  /// Applies the values.
  ///
  /// - Returns: A message for each value that could not be applied, and further paths that have to persist.
  func apply(_ values: FirstBootValues) -> (problems: [String], persistedPaths: [String]) {
    var problems: [String] = []
    var persistedPaths: [String] = []
    func attempt(_ change: () throws(SystemError) -> Void) {
      do throws(SystemError) { try change() } catch { problems.append("\(error)") }
    }
    if let name = values[.hostname] { attempt { () throws(SystemError) in try setHostName(name) } }
    if let zone = values[.timezone] { attempt { () throws(SystemError) in try setTimeZone(zone) } }
    if let locale = values[.locale], hasLocale(locale) {
      attempt { () throws(SystemError) in
        try FileTree.replace(root + "/etc/locale.conf", with: Array("LANG=\(locale)\n".utf8))
      }
    }
    if values[.keymap] != nil, FileTree.exists(root + Self.keyboard) {
      attempt { () throws(SystemError) in try setKeyboard(values) }
    }
    attempt { () throws(SystemError) in try setTimeServers(values.all(.timeServers)) }
    attempt { () throws(SystemError) in
      if let home = try UserSettings(root: root, values: values).apply() { persistedPaths.append(home) }
    }
    attempt { () throws(SystemError) in try NetworkSettings(root: root, values: values).apply() }
    return (problems, persistedPaths)
  }

  private func setHostName(_ name: String) throws(SystemError) {
    try FileTree.replace(root + "/etc/hostname", with: Array("\(name)\n".utf8))
    // The address that Debian uses for the machine's own name.
    let own = "127.0.1.1"
    let bytes = (try? FileTree.read(root + "/etc/hosts")) ?? []
    var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    lines.removeAll { $0.hasPrefix(own + " ") || $0.hasPrefix(own + "\t") }
    if lines.last == "" { lines.removeLast() }
    let text = (lines + ["\(own) \(name)"]).map { $0 + "\n" }.joined()
    try FileTree.replace(root + "/etc/hosts", with: Array(text.utf8))
  }

  private func setTimeZone(_ zone: String) throws(SystemError) {
    guard FileTree.exists("\(root)\(Self.zones)/\(zone)") else { return }
    let link = root + "/etc/localtime"
    unlink(link)
    guard symlink("..\(Self.zones)/\(zone)", link) == 0 else { throw SystemError("make the link", link) }
    // Debian up to bookworm also has the name in a file.
    if FileTree.exists(root + "/etc/timezone") {
      try FileTree.replace(root + "/etc/timezone", with: Array("\(zone)\n".utf8))
    }
  }

  /// True if the image can use a locale: it is in the C library, in a folder of its own, or in the list of locales that
  /// the build generated (`locale.gen(5)`).
  private func hasLocale(_ name: String) -> Bool {
    if ["C", "C.UTF-8", "POSIX"].contains(name) { return true }
    let folder = name.replacing(".UTF-8", with: ".utf8")
    if FileTree.exists("\(root)\(Self.locales)/\(folder)") { return true }
    let list = (try? FileTree.read(root + "/etc/locale.gen", limit: 65_536)) ?? []
    return String(decoding: list, as: UTF8.self).split(separator: "\n").contains {
      $0.split(separator: " ").first.map(String.init) == name
    }
  }

  /// Writes the keyboard's configuration (`keyboard(5)`). The programs that apply it keep a copy, which is removed.
  private func setKeyboard(_ values: FirstBootValues) throws(SystemError) {
    let lines = [
      ("XKBMODEL", values[.keymapModel] ?? "pc105"), ("XKBLAYOUT", values[.keymap] ?? ""),
      ("XKBVARIANT", values[.keymapVariant] ?? ""), ("XKBOPTIONS", values[.keymapOptions] ?? ""),
      ("BACKSPACE", "guess"),
    ]
    try FileTree.replace(
      root + Self.keyboard, with: Array(lines.map { "\($0)=\"\($1)\"\n" }.joined().utf8))
    let copies = root + "/etc/console-setup"
    for name in FileTree.names(in: copies) where name.hasPrefix("cached_") { unlink("\(copies)/\(name)") }
  }

  private func setTimeServers(_ servers: [String]) throws(SystemError) {
    guard !servers.isEmpty else { return }
    if FileTree.isFolder(root + Self.chrony) {
      try FileTree.makeFolders("\(root)\(Self.chrony)/sources.d")
      try FileTree.replace(
        "\(root)\(Self.chrony)/sources.d/first-boot.sources",
        with: Array(servers.map { "server \($0) iburst\n" }.joined().utf8))
    } else if FileTree.exists(root + Self.timeSynchronisation) {
      let folder = root + "/etc/systemd/timesyncd.conf.d"
      try FileTree.makeFolders(folder)
      try FileTree.replace(
        "\(folder)/first-boot.conf", with: Array("[Time]\nNTP=\(servers.joined(separator: " "))\n".utf8))
    }
  }
}
