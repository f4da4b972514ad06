/// Reads `rpi-preseed.toml`, which Raspberry Pi Imager writes for images of the format `rpi-preseed`.
struct PreseedReader {
  static let fileName = "rpi-preseed.toml"
  /// Major version of the format.
  private static let version = "1"

  /// The type of a value.
  private enum Kind {
    case text, bool, integer, list
    case choice([String])

    func accepts(_ value: DocumentValue) -> Bool {
      switch (self, value) {
      case (.text, .text), (.bool, .boolean): true
      case (.integer, .integer(let number)): number >= 0
      case (.list, .list(let items)): items.allSatisfy { if case .text = $0 { true } else { false } }
      case (.choice(let words), .text(let word)): words.contains(word)
      default: false
      }
    }

    var expectation: String {
      switch self {
      case .text: "a text"
      case .bool: "true or false"
      case .integer: "a number from 0"
      case .list: "a list of texts"
      case .choice(let words): words.joined(separator: ", ")
      }
    }
  }

  private static let kinds: [String: Kind] = [
    "config_version": .text, "system.hostname": .text,
    "user.name": .text, "user.password": .text, "user.password_encrypted": .bool, "user.passwordless_sudo": .bool,
    "user.groups": .list,
    "ssh.enabled": .bool, "ssh.password_authentication": .bool, "ssh.ssh_import_id": .list,
    "ssh.authorized_keys": .list,
    "wlan.ssid": .text, "wlan.ssid_hex": .text, "wlan.password": .text, "wlan.password_encrypted": .bool,
    "wlan.hidden": .bool, "wlan.country": .text, "wlan.key_mgmt": .choice(["none", "owe", "wpa-psk", "sae"]),
    "locale.keymap": .text, "locale.timezone": .text, "locale.locales": .list, "locale.lang": .text,
    "locale.lc_time": .text, "locale.lc_measurement": .text, "locale.keymap_model": .text,
    "locale.keymap_variant": .text, "locale.keymap_options": .list,
    "connect.enabled": .bool, "connect.mode": .choice(["token", "device-identity"]), "connect.token": .text,
    "ethernet.method": .choice(["dhcp", "static", "disabled"]), "ethernet.address": .text, "ethernet.gateway": .text,
    "ethernet.dns": .list, "ethernet.dns_search": .list, "ethernet.interface": .text,
    "packages.update": .bool, "packages.upgrade": .bool, "packages.install": .list, "packages.remove": .list,
    "ca_certificates.files": .list, "time.ntp": .list, "time.fallback_ntp": .list, "mounts.fstab": .list,
    "interfaces.i2c": .bool, "interfaces.spi": .bool, "interfaces.onewire": .bool,
    "interfaces.serial": .choice(["off", "default", "console", "hardware", "console_hardware"]),
    "interfaces.usb_gadget": .bool,
    "boot.config_txt": .list, "boot.cmdline_txt": .text,
    "runcmd.early": .list, "runcmd.late": .list, "runcmd.early_cmd_timeout": .integer,
    "runcmd.late_require_time_sync": .bool, "runcmd.late_wait_for_apt_lock": .bool,
    "runcmd.late_gate_timeout": .integer, "runcmd.late_retries": .integer, "runcmd.late_retry_delay": .integer,
    "runcmd.late_retry_max_delay": .integer,
    "debug": .bool,
  ]

  private var collector = ValueCollector(file: Self.fileName)
  private var entries: [String: DocumentValue] = [:]
  /// Known keys whose values have the wrong type.
  private var refused: Set<String> = []

  /// Reads a file.
  ///
  /// - Parameter salt: The salt for the hash of a password in clear.
  static func read(_ bytes: [UInt8], salt: String) -> ValueCollector {
    var reader = PreseedReader()
    do throws(DocumentFailure) {
      reader.flatten(try TOMLDocument.parse(bytes))
    } catch {
      reader.collector.fail("\(error)")
      return reader.collector
    }
    guard let version = reader.text("config_version") else {
      reader.collector.fail("`config_version` is missing or not a text")
      return reader.collector
    }
    guard version.split(separator: ".").first.map(String.init) == Self.version else {
      reader.collector.fail("`config_version` is not \(Self.version).x, which this release supports")
      return reader.collector
    }
    reader.readUser(salt: salt)
    reader.readNetworks()
    reader.readSettings()
    reader.report()
    return reader.collector
  }

  /// Sorts the document's values into known ones, ones of a wrong type, and unknown ones.
  private mutating func flatten(_ table: DocumentTable, under prefix: String = "") {
    for (key, value) in table.entries {
      let name = prefix + key
      if let kind = Self.kinds[name] {
        if kind.accepts(value) {
          entries[name] = value
        } else {
          collector.cannot(name, "it takes \(kind.expectation)")
          refused.insert(name)
        }
      } else if prefix.isEmpty, case .table(let section) = value,
        Self.kinds.keys.contains(where: { $0.hasPrefix("\(key).") })
      {
        flatten(section, under: "\(key).")
      } else {
        collector.unknown(name)
      }
    }
  }

  private func text(_ key: String) -> String? { entries[key]?.string }
  private func flag(_ key: String) -> Bool? { entries[key]?.bool }
  private func list(_ key: String) -> [String] { entries[key]?.strings ?? [] }

  private mutating func take(_ name: String, for key: FirstBootValues.Key) {
    if let text = text(name) { collector.take(text, for: key, named: name) }
  }

  private mutating func takeFlag(_ name: String, for key: FirstBootValues.Key) {
    if let flag = flag(name) { collector.take(flag, for: key, named: name) }
  }

  private mutating func takeList(_ name: String, for key: FirstBootValues.Key) {
    for item in list(name) { collector.take(item, for: key, named: name) }
  }

  private mutating func readUser(salt: String) {
    take("user.name", for: .user)
    let needsUser = collector.values[.user] == nil ? "it needs `user.name`" : nil
    if let password = text("user.password") {
      if let needsUser {
        collector.cannot("user.password", needsUser)
      } else if password.isEmpty || password.utf8.count > PasswordHash.limit {
        collector.cannot("user.password", "it takes 1 to \(PasswordHash.limit) bytes")
      } else {
        let isHash = flag("user.password_encrypted") ?? false
        collector.take(
          isHash ? password : PasswordHash.sha512(password, salt: salt), for: .userPasswordHash, named: "user.password")
      }
    }
    if let needsUser {
      for key in ["user.passwordless_sudo", "user.groups"] where entries[key] != nil {
        collector.cannot(key, needsUser)
      }
    } else {
      takeFlag("user.passwordless_sudo", for: .passwordlessSudo)
      takeList("user.groups", for: .userGroups)
    }
    takeFlag("ssh.enabled", for: .ssh)
    takeFlag("ssh.password_authentication", for: .sshPasswords)
    takeList("ssh.authorized_keys", for: .authorizedKeys)
    if !list("ssh.ssh_import_id").isEmpty { collector.cannot("ssh.ssh_import_id", Reason.importedKeys) }
  }

  private mutating func readNetworks() {
    take("wlan.country", for: .wifiCountry)
    // A protected network must never become an open one: without a valid password, it is not taken.
    let isOpen = ["none", "owe"].contains(text("wlan.key_mgmt"))
    let isProtected =
      !isOpen && ["wlan.password", "wlan.key_mgmt"].contains { entries[$0] != nil || refused.contains($0) }
    if isProtected, !refused.contains("wlan.key_mgmt") { take("wlan.password", for: .wifiPassword) }
    if isProtected, collector.values[.wifiPassword] == nil {
      if entries["wlan.password"] == nil, entries["wlan.key_mgmt"] != nil, !refused.contains("wlan.password") {
        collector.cannot("wlan.key_mgmt", "it needs `wlan.password`")
      }
      return readEthernet()
    }
    if entries["wlan.ssid_hex"] != nil {
      take("wlan.ssid_hex", for: .wifiNameBytes)
    } else {
      take("wlan.ssid", for: .wifiName)
    }
    if collector.values.wirelessName == nil {
      for key in ["wlan.password", "wlan.hidden", "wlan.key_mgmt"] where entries[key] != nil {
        collector.cannot(key, "it needs `wlan.ssid`")
      }
    } else {
      if isOpen, entries["wlan.password"] != nil {
        collector.cannot("wlan.password", "`wlan.key_mgmt` says that the network has none")
      }
      if let security = text("wlan.key_mgmt") {
        collector.take(security == "none" ? "open" : security, for: .wifiSecurity, named: "wlan.key_mgmt")
      }
      takeFlag("wlan.hidden", for: .wifiHidden)
    }
    readEthernet()
  }

  private mutating func readEthernet() {
    take("ethernet.method", for: .ethernet)
    take("ethernet.interface", for: .ethernetInterface)
    let fixed = ["ethernet.address", "ethernet.gateway", "ethernet.dns", "ethernet.dns_search"]
    guard collector.values[.ethernet] == FirstBootValues.EthernetMethod.static.rawValue else {
      for key in fixed where entries[key] != nil { collector.cannot(key, "it needs `ethernet.method = \"static\"`") }
      return
    }
    take("ethernet.address", for: .ethernetAddresses)
    take("ethernet.gateway", for: .ethernetGateways)
    takeList("ethernet.dns", for: .nameServers)
    takeList("ethernet.dns_search", for: .searchDomains)
    if collector.values[.ethernetAddresses] == nil {
      collector.cannot("ethernet.method", "`ethernet.address` is missing")
    }
  }

  private mutating func readSettings() {
    take("system.hostname", for: .hostname)
    take("locale.timezone", for: .timezone)
    take("locale.lang", for: .locale)
    take("locale.keymap", for: .keymap)
    take("locale.keymap_model", for: .keymapModel)
    take("locale.keymap_variant", for: .keymapVariant)
    let options = list("locale.keymap_options")
    if !options.isEmpty {
      collector.take(options.joined(separator: ","), for: .keymapOptions, named: "locale.keymap_options")
    }
    for key in ["locale.lc_time", "locale.lc_measurement"] where entries[key] != nil {
      collector.cannot(key, "the device sets only the locale of `locale.lang`")
    }
    for name in list("locale.locales") where name != text("locale.lang") {
      collector.cannot("locale.locales", "locales are part of the image; add them to its layer `locale`")
    }
    takeList("time.ntp", for: .timeServers)
    if !list("time.fallback_ntp").isEmpty {
      collector.cannot("time.fallback_ntp", "the device uses only the servers of `time.ntp`")
    }
  }

  /// Reports the keys that ask for what a device cannot do. `false`, empty lists and settings of other keys ask for
  /// nothing.
  private mutating func report() {
    func asks(_ key: String) -> Bool {
      switch entries[key] {
      case .boolean(let value): value
      case .list(let items): !items.isEmpty
      case .text(let text): !text.isEmpty
      default: false
      }
    }
    for (keys, reason) in [
      (["packages.update", "packages.upgrade", "packages.install", "packages.remove"], Reason.packages),
      (["runcmd.early", "runcmd.late"], Reason.commands),
      (["ca_certificates.files"], Reason.files),
      (["mounts.fstab"], Reason.mounts),
      (
        [
          "interfaces.i2c", "interfaces.spi", "interfaces.onewire", "interfaces.usb_gadget", "boot.config_txt",
          "boot.cmdline_txt",
        ], Reason.firmware
      ),
      (["connect.enabled"], Reason.connect),
    ] {
      for key in keys where asks(key) { collector.cannot(key, reason) }
    }
    if let serial = text("interfaces.serial"), serial != "default" {
      collector.cannot("interfaces.serial", Reason.firmware)
    }
  }
}
