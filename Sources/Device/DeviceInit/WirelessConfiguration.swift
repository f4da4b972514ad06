import Hexadecimal
import Provisioning

/// The configuration files for a wireless network of the values for the first boot.
struct WirelessConfiguration {
  private let values: FirstBootValues
  private let name: [UInt8]

  /// Returns `nil` if the values have no wireless network, or no password for a protected one.
  init?(_ values: FirstBootValues) {
    guard let name = values.wirelessName, !values.wirelessSecurity.hasPassword || values[.wifiPassword] != nil else {
      return nil
    }
    self.values = values
    self.name = name
  }

  private var isHidden: Bool { values.flag(.wifiHidden) ?? false }

  /// The password, if the network has one.
  private var password: String? { values.wirelessSecurity.hasPassword ? values[.wifiPassword] : nil }

  /// True if the password is the key itself, in hexadecimal.
  private static func isKey(_ password: String) -> Bool { password.utf8.count == 64 }

  /// A connection of NetworkManager (`nm-settings-keyfile(5)`), with priority over those of the image.
  var networkManager: String {
    // A line feed would begin another line of the file.
    let text = name.allSatisfy { $0 >= 0x20 && $0 != 0x7f } ? String(validating: name, as: UTF8.self) : nil
    let shown = text.map { Self.keyFileValue($0, isList: true) } ?? name.map { "\($0);" }.joined()
    var lines = [
      "[connection]", "id=first-boot", "type=wifi", "autoconnect-priority=10", "", "[wifi]", "mode=infrastructure",
      "ssid=\(shown)",
    ]
    if isHidden { lines.append("hidden=true") }
    switch values.wirelessSecurity {
    case .open: break
    case .owe: lines += ["", "[wifi-security]", "key-mgmt=owe"]
    case .wpaPSK, .sae:
      lines += ["", "[wifi-security]", "key-mgmt=\(values.wirelessSecurity.rawValue)"]
      if let password { lines.append("psk=\(Self.keyFileValue(password))") }
    }
    return Self.text(lines + ["", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto"])
  }

  /// The name of iwd's file for the network (`iwd.network(5)`): names with other characters are in hexadecimal.
  var iwdName: String {
    let isPlain = name.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || " _-".utf8.contains($0)
    }
    let shown = isPlain ? String(decoding: name, as: UTF8.self) : "=\(name.hexadecimal)"
    return "\(shown).\(values.wirelessSecurity.hasPassword ? "psk" : "open")"
  }

  /// The content of iwd's file for the network.
  var iwd: String {
    var lines: [String] = []
    if let password {
      lines += [
        "[Security]", Self.isKey(password) ? "PreSharedKey=\(password)" : "Passphrase=\(Self.keyFileValue(password))",
      ]
    }
    if isHidden { lines += ["[Settings]", "Hidden=true"] }
    return Self.text(lines)
  }

  /// The configuration of wpa_supplicant (`wpa_supplicant.conf(5)`).
  ///
  /// The name is in hexadecimal, which needs no quotes. A text in quotes has no escape sequences; the last quote ends it.
  var supplicant: String {
    var lines: [String] = ["network={", "  ssid=\(name.hexadecimal)"]
    if isHidden { lines.append("  scan_ssid=1") }
    switch values.wirelessSecurity {
    case .open: lines.append("  key_mgmt=NONE")
    case .owe: lines += ["  key_mgmt=OWE", "  ieee80211w=2"]
    case .wpaPSK:
      // A key that was derived from a password has no meaning for SAE, which begins with the password.
      let password = password ?? ""
      lines +=
        Self.isKey(password)
        ? ["  key_mgmt=WPA-PSK WPA-PSK-SHA256", "  psk=\(password)"]
        : ["  key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE", "  psk=\"\(password)\""]
      lines.append("  ieee80211w=1")
    case .sae: lines += ["  key_mgmt=SAE", "  sae_password=\"\(password ?? "")\"", "  ieee80211w=2"]
    }
    return Self.text(Self.supplicantHead(country: values[.wifiCountry]) + lines + ["}"])
  }

  /// The configuration of wpa_supplicant without a network.
  static func supplicantWithoutNetwork(country: String?) -> String { text(supplicantHead(country: country)) }

  private static func supplicantHead(country: String?) -> [String] { country.map { ["country=\($0)"] } ?? [] }

  private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  /// Escapes a value for a GLib key file, and for the files of iwd: spaces at the ends, backslashes, and in lists
  /// semicolons.
  static func keyFileValue(_ text: String, isList: Bool = false) -> String {
    guard !text.isEmpty else { return text }
    var result = text.map { $0 == "\\" ? "\\\\" : isList && $0 == ";" ? "\\;" : String($0) }
    for end in [result.startIndex, result.index(before: result.endIndex)] where result[end] == " " {
      result[end] = "\\s"
    }
    return result.joined()
  }
}
