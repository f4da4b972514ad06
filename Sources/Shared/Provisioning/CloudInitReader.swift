/// Reads `user-data` and `meta-data`, which Raspberry Pi Imager writes for images of the formats `cloudinit` and
/// `cloudinit-rpi`.
struct CloudInitReader {
  static let userData = "user-data"
  static let metaData = "meta-data"

  /// Keys that ask for what the device does in any case, or that only change messages.
  private static let ignored: Set<String> = [
    "manage_etc_hosts", "preserve_hostname", "growpart", "resize_rootfs", "disable_root", "ssh_deletekeys",
    "ssh_genkeytypes", "final_message", "output", "package_reboot_if_required", "create_hostname_file",
  ]
  /// Keys that ask for what a device cannot do.
  private static let impossible: [String: String] = [
    "packages": Reason.packages, "package_update": Reason.packages, "package_upgrade": Reason.packages,
    "apt": Reason.packages, "snap": Reason.packages, "runcmd": Reason.commands, "bootcmd": Reason.commands,
    "power_state": Reason.commands, "phone_home": Reason.commands, "write_files": Reason.files,
    "ca_certs": Reason.files, "ca-certs": Reason.files, "mounts": Reason.mounts, "swap": Reason.mounts,
    "disk_setup": Reason.mounts, "fs_setup": Reason.mounts, "rpi": Reason.firmware,
    "ssh_import_id": Reason.importedKeys, "ssh_keys": "the device makes its own host keys",
  ]

  private var collector: ValueCollector
  private let salt: String

  /// Reads `user-data`.
  ///
  /// - Parameter salt: The salt for the hash of a password in clear.
  static func readUserData(_ bytes: [UInt8], salt: String) -> ValueCollector {
    var reader = CloudInitReader(collector: ValueCollector(file: userData), salt: salt)
    if bytes.starts(with: Array("#!".utf8)) {
      reader.collector.cannot("user-data", Reason.commands)
      return reader.collector
    }
    do throws(DocumentFailure) {
      reader.readUserData(try YAMLDocument.parse(bytes))
    } catch {
      reader.collector.fail("\(error)")
    }
    return reader.collector
  }

  /// Reads `meta-data`: the host name. The instance id has no meaning for a device.
  static func readMetaData(_ bytes: [UInt8]) -> ValueCollector {
    var collector = ValueCollector(file: metaData)
    do throws(DocumentFailure) {
      for (key, value) in try YAMLDocument.parse(bytes).entries where !value.isEmpty {
        switch key {
        case "local-hostname", "hostname":
          collector.take(Self.firstLabel(value.string ?? ""), for: .hostname, named: key)
        case "instance-id", "instance_id", "dsmode", "network-interfaces": continue
        default: collector.unknown(key)
        }
      }
    } catch {
      collector.fail("\(error)")
    }
    return collector
  }

  /// The host name of a name with a domain.
  private static func firstLabel(_ name: String) -> String {
    name.split(separator: ".").first.map(String.init) ?? ""
  }

  private mutating func readUserData(_ table: DocumentTable) {
    for (key, value) in table.entries where !value.isEmpty {
      switch key {
      case "hostname": collector.take(Self.firstLabel(value.string ?? ""), for: .hostname, named: key)
      case "fqdn":
        // `hostname` is preferred, as cloud-init does.
        guard table["hostname"] == nil else { continue }
        collector.take(Self.firstLabel(value.string ?? ""), for: .hostname, named: key)
      case "timezone": collector.take(value.string ?? "", for: .timezone, named: key)
      case "locale": collector.take(value.string ?? "", for: .locale, named: key)
      case "keyboard": readKeyboard(value)
      case "users": readUsers(value)
      case "user": if let name = value.string { takeUser(name, named: key) } else { readUser(value, named: key) }
      case "ssh_authorized_keys": readKeys(value, named: key)
      case "ssh_pwauth": takeFlag(value, for: .sshPasswords, named: key)
      case "enable_ssh": takeFlag(value, for: .ssh, named: key)
      case "ntp": readTimeServers(value)
      case "password", "chpasswd":
        collector.cannot(key, "write the password's hash as `passwd` of an entry of `users`")
      default:
        if let reason = Self.impossible[key] {
          if value.bool != false { collector.cannot(key, reason) }
        } else if !Self.ignored.contains(key) {
          collector.unknown(key)
        }
      }
    }
  }

  private mutating func takeFlag(_ value: DocumentValue, for key: FirstBootValues.Key, named name: String) {
    // `unchanged` keeps what the image has.
    if value.string == "unchanged" { return }
    guard let flag = value.bool else { return collector.cannot(name, "it takes true or false") }
    collector.take(flag, for: key, named: name)
  }

  private mutating func readKeyboard(_ value: DocumentValue) {
    guard let table = value.table else { return collector.cannot("keyboard", "it takes keys such as `layout`") }
    let keys: [String: FirstBootValues.Key] = [
      "layout": .keymap, "model": .keymapModel, "variant": .keymapVariant, "options": .keymapOptions,
    ]
    for (key, value) in table.entries where !value.isEmpty && value.string != "" {
      if let target = keys[key] {
        collector.take(value.string ?? "", for: target, named: "keyboard.\(key)")
      } else {
        collector.unknown("keyboard.\(key)")
      }
    }
  }

  // MARK: Users

  private mutating func readUsers(_ value: DocumentValue) {
    let users: [DocumentValue]
    switch value {
    case .list(let items): users = items
    case .table: users = [value]
    default: return collector.cannot("users", "it takes a list")
    }
    for user in users {
      if let name = user.string {
        // The image's own user; there is nothing to do for it.
        if name != "default" { takeUser(name, named: "users") }
      } else {
        readUser(user, named: "users")
      }
    }
  }

  private mutating func takeUser(_ name: String, named key: String) {
    guard collector.values[.user] == nil else { return collector.cannot(key, Reason.oneUser) }
    collector.take(name, for: .user, named: "\(key).name")
  }

  private mutating func readUser(_ value: DocumentValue, named prefix: String) {
    guard let table = value.table else { return collector.cannot(prefix, "a user takes keys such as `name`") }
    guard let name = table["name"]?.string else { return collector.cannot(prefix, "a user needs `name`") }
    let isFirst = collector.values[.user] == nil
    takeUser(name, named: prefix)
    guard isFirst, collector.values[.user] == name else { return }
    for (key, value) in table.entries where !value.isEmpty {
      let name = "\(prefix).\(key)"
      switch key {
      case "name", "gecos", "primary_group", "no_create_home", "create_groups", "no_user_group": continue
      case "lock_passwd", "lock-passwd": continue
      case "groups": readGroups(value, named: name)
      case "passwd", "hashed_passwd": takeHash(value.string ?? "", of: table, named: name)
      case "plain_text_passwd":
        guard let password = value.string, (1...PasswordHash.limit).contains(password.utf8.count) else {
          collector.cannot(name, "it takes 1 to \(PasswordHash.limit) bytes")
          continue
        }
        takeHash(PasswordHash.sha512(password, salt: salt), of: table, named: name)
      case "ssh_authorized_keys", "ssh-authorized-keys": readKeys(value, named: name)
      case "sudo": readSudo(value, named: name)
      case "ssh_import_id": collector.cannot(name, Reason.importedKeys)
      case "shell": collector.takeNote(name)
      default: collector.unknown(name)
      }
    }
  }

  /// Takes the hash of a password, unless the password is locked. cloud-init locks it unless it is told not to.
  private mutating func takeHash(_ hash: String, of user: DocumentTable, named name: String) {
    if user["lock_passwd"]?.bool ?? user["lock-passwd"]?.bool ?? true {
      collector.cannot(name, "`lock_passwd: false` is missing, so that the password is locked")
    } else {
      collector.take(hash, for: .userPasswordHash, named: name)
    }
  }

  private mutating func readGroups(_ value: DocumentValue, named name: String) {
    let groups = value.strings ?? (value.string ?? "").split(separator: ",").map(String.init)
    for group in groups {
      collector.take(group.filter { $0 != " " }, for: .userGroups, named: name)
    }
  }

  /// Reads a rule of sudo. Only the one that allows every command without a password has a counterpart.
  private mutating func readSudo(_ value: DocumentValue, named name: String) {
    if value.bool == false { return }
    let rules = value.strings ?? value.string.map { [$0] } ?? []
    for rule in rules {
      let words = rule.uppercased().split { $0 == " " || $0 == "\t" }.joined()
      if ["ALL=(ALL)NOPASSWD:ALL", "ALL=(ALL:ALL)NOPASSWD:ALL"].contains(words) {
        collector.take(true, for: .passwordlessSudo, named: name)
      } else {
        collector.cannot(name, "it takes only `ALL=(ALL) NOPASSWD:ALL`")
      }
    }
  }

  private mutating func readKeys(_ value: DocumentValue, named name: String) {
    guard let keys = value.strings ?? value.string.map({ [$0] }) else {
      return collector.cannot(name, "it takes a list of keys")
    }
    for key in keys { collector.take(key, for: .authorizedKeys, named: name) }
  }

  private mutating func readTimeServers(_ value: DocumentValue) {
    guard let table = value.table else { return }
    for (key, value) in table.entries where !value.isEmpty {
      switch key {
      case "servers", "pools":
        for server in value.strings ?? [] { collector.take(server, for: .timeServers, named: "ntp.\(key)") }
      case "enabled": if value.bool == false { collector.cannot("ntp.enabled", "the device always sets its clock") }
      case "ntp_client", "allow", "peers", "config":
        collector.cannot("ntp.\(key)", "the client is part of the image")
      default: collector.unknown("ntp.\(key)")
      }
    }
  }
}
