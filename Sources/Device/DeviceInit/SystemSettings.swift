import DeviceModel
import Glibc
import LinuxSystem

/// Applies the values of the first boot to the root of a system. Each start does it again, as changes to the root are
/// discarded.
struct SystemSettings {
  /// The root that is being prepared.
  let root: String

  private static let networkManager = "/etc/NetworkManager"
  private static let zones = "/usr/share/zoneinfo"
  private static let secureShell = "/etc/ssh"

  /// Returns a message for each value that has no effect in this image.
  ///
  /// - Parameter isSystem: True for a system, false for an appliance.
  static func problems(of values: FirstBootValues, in root: String, isSystem: Bool) -> [String] {
    var problems: [String] = []
    func need(_ place: String, for key: FirstBootValues.Key, called name: String) {
      guard values[key] != nil, !isSystem || !FileTree.exists(root + place) else { return }
      problems.append("`\(key.rawValue)` of \(FirstBootValues.fileName) has no effect: the image has no \(name)")
    }
    need(secureShell, for: .authorizedKeys, called: "SSH server")
    need(networkManager, for: .wifiName, called: "NetworkManager")
    if values[.wifiName] == nil, values[.wifiPassword] != nil {
      problems.append("`wifi-password` of \(FirstBootValues.fileName) has no effect: there is no `wifi-ssid`")
    }
    if values[.managementTokenHash] != nil, !FileTree.exists(root + ManagementPlan.path) {
      problems.append(
        "`management-token-hash` of \(FirstBootValues.fileName) has no effect: the image has no management API")
    }
    if let zone = values[.timezone] { need("\(zones)/\(zone)", for: .timezone, called: "time zone \(zone)") }
    return problems
  }

  /// Applies the values.
  ///
  /// - Returns: A message for each value that could not be applied.
  func apply(_ values: FirstBootValues) -> [String] {
    var problems: [String] = []
    func attempt(_ change: () throws(SystemError) -> Void) {
      do throws(SystemError) { try change() } catch { problems.append("\(error)") }
    }
    if let name = values[.hostname] { attempt { () throws(SystemError) in try setHostName(name) } }
    if let zone = values[.timezone] { attempt { () throws(SystemError) in try setTimeZone(zone) } }
    if !values.authorizedKeys.isEmpty, FileTree.isFolder(root + Self.secureShell) {
      attempt { () throws(SystemError) in
        let text = values.authorizedKeys.map { $0 + "\n" }.joined()
        try FileTree.replace("\(root)\(Self.secureShell)/authorized_keys", with: Array(text.utf8))
      }
    }
    if let name = values[.wifiName], FileTree.isFolder(root + Self.networkManager) {
      attempt { () throws(SystemError) in try addNetwork(name, password: values[.wifiPassword]) }
    }
    return problems
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

  /// Adds a connection to NetworkManager (`nm-settings-keyfile(5)`), with priority over those of the image.
  private func addNetwork(_ name: String, password: String?) throws(SystemError) {
    var lines = [
      "[connection]", "id=first-boot", "type=wifi", "autoconnect-priority=10", "", "[wifi]", "mode=infrastructure",
      "ssid=\(Self.keyFileValue(name, isList: true))",
    ]
    if let password { lines += ["", "[wifi-security]", "key-mgmt=wpa-psk", "psk=\(Self.keyFileValue(password))"] }
    lines += ["", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto"]
    let folder = "\(root)\(Self.networkManager)/system-connections"
    try FileTree.makeFolders(folder, mode: 0o700)
    try FileTree.replace(
      "\(folder)/first-boot.nmconnection", with: Array((lines.joined(separator: "\n") + "\n").utf8), mode: 0o600)
  }

  /// Escapes a value for a GLib key file: spaces at the ends, backslashes, and in lists semicolons.
  static func keyFileValue(_ text: String, isList: Bool = false) -> String {
    var result = text.map { $0 == "\\" ? "\\\\" : isList && $0 == ";" ? "\\;" : String($0) }
    for end in [result.startIndex, result.index(before: result.endIndex)] where result[end] == " " {
      result[end] = "\\s"
    }
    return result.joined()
  }
}
