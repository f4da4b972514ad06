import DeviceModel
import Hashing
import Hexadecimal
import LinuxSystem

/// Values that a device takes at its first start: from `cultivar.conf` on the boot partition, and from the files of
/// Raspberry Pi Imager (``Provisioning``).
///
/// `cultivar.conf` is UTF-8 with one `key=value` on each line. Empty lines and lines that begin with `#` are ignored.
/// Keys that take several values (``Key/isList``) occur once for each value.
public struct FirstBootValues: Sendable, Equatable {
  /// Name of the file in the root directory of the boot partition.
  public static let fileName = "cultivar.conf"
  /// Maximum size of the file in bytes.
  public static let sizeLimit = 65_536

  /// The keys of the file.
  public enum Key: String, Sendable, CaseIterable {
    /// Host name: letters, digits and hyphens, at most 63 (RFC 1123, section 2.1).
    case hostname
    /// Name of the user who logs in. Created if the image does not have the user.
    case user
    /// Hash of the user's password (`crypt(5)`). Secret.
    case userPasswordHash = "user-password-hash"
    /// A group that the user joins.
    case userGroups = "user-groups"
    /// `yes` if the user can run commands as root without a password.
    case passwordlessSudo = "passwordless-sudo"
    /// A public key for SSH logins, as a line of OpenSSH's `authorized_keys` without options.
    case authorizedKeys = "authorized-keys"
    /// `yes` or `no`: the SSH server runs.
    case ssh
    /// `yes` or `no`: the SSH server accepts passwords.
    case sshPasswords = "ssh-passwords"
    /// Name of the wireless network: 1 to 32 bytes.
    case wifiName = "wifi-ssid"
    /// Name of a wireless network that is not UTF-8 text, in hexadecimal.
    case wifiNameBytes = "wifi-ssid-hex"
    /// Password of the wireless network: 8 to 63 ASCII characters, or 64 hexadecimal digits. Secret.
    case wifiPassword = "wifi-password"
    /// Security of the wireless network; by default `wpa-psk` with a password, and `open` without one.
    case wifiSecurity = "wifi-security"
    /// `yes` if the wireless network does not announce its name.
    case wifiHidden = "wifi-hidden"
    /// Country whose radio rules apply, as two letters (ISO 3166-1).
    case wifiCountry = "wifi-country"
    /// Configuration of the Ethernet interface.
    case ethernet
    /// Name of the Ethernet interface; by default every one.
    case ethernetInterface = "ethernet-interface"
    /// Address of the Ethernet interface with prefix length, for `ethernet=static`.
    case ethernetAddresses = "ethernet-address"
    /// Default gateway, for `ethernet=static`.
    case ethernetGateways = "ethernet-gateway"
    /// Name server, for `ethernet=static`.
    case nameServers = "name-server"
    /// Search domain, for `ethernet=static`.
    case searchDomains = "search-domain"
    /// NTP server.
    case timeServers = "time-server"
    /// Time zone, as a name of the tz database.
    case timezone
    /// Default locale, such as `en_GB.UTF-8`.
    case locale
    /// Layout of the keyboard (`keyboard(5)`, `XKBLAYOUT`).
    case keymap
    /// Model of the keyboard (`XKBMODEL`).
    case keymapModel = "keymap-model"
    /// Variant of the layout (`XKBVARIANT`).
    case keymapVariant = "keymap-variant"
    /// Options of the layout, separated by commas (`XKBOPTIONS`).
    case keymapOptions = "keymap-options"
    /// SHA-256 of the token for requests to the management API, in hexadecimal.
    case managementTokenHash = "management-token-hash"

    /// True if the value must not be displayed.
    public var isSecret: Bool { self == .wifiPassword || self == .userPasswordHash }

    /// True if the key takes several values, one on each line.
    public var isList: Bool {
      switch self {
      case .authorizedKeys, .userGroups, .ethernetAddresses, .ethernetGateways, .nameServers, .searchDomains,
        .timeServers:
        true
      default: false
      }
    }

    /// The format of a value.
    public var expectation: String {
      switch self {
      case .hostname: "letters, digits and hyphens, at most 63"
      case .user: "a name of lower-case letters, digits, `_` and `-`, at most 32 characters, and not `root`"
      case .userPasswordHash: "the hash of a password, as `openssl passwd -6` prints it"
      case .userGroups: "the name of a group"
      case .passwordlessSudo, .ssh, .sshPasswords, .wifiHidden: "yes or no"
      case .authorizedKeys: "a public key as in OpenSSH's authorized_keys, without options"
      case .wifiName: "1 to 32 bytes"
      case .wifiNameBytes: "2 to 64 hexadecimal digits, two for each byte"
      case .wifiPassword: "8 to 63 ASCII characters, or 64 hexadecimal digits"
      case .wifiSecurity: WirelessSecurity.allCases.map(\.rawValue).joined(separator: ", ")
      case .wifiCountry: "two capital letters, such as DE"
      case .ethernet: EthernetMethod.allCases.map(\.rawValue).joined(separator: ", ")
      case .ethernetInterface: "the name of an interface, such as eth0"
      case .ethernetAddresses: "an address with prefix length, such as 192.0.2.7/24"
      case .ethernetGateways, .nameServers: "an address, such as 192.0.2.1"
      case .searchDomains, .timeServers: "a host name, or an address"
      case .timezone: "a name like Europe/Berlin"
      case .locale: "a name like en_GB.UTF-8"
      case .keymap, .keymapModel, .keymapVariant, .keymapOptions: "a name of the keyboard's configuration, such as gb"
      case .managementTokenHash: "64 hexadecimal digits, as `cultivar token new` prints them"
      }
    }

    /// True if the key accepts the value.
    public func accepts(_ value: String) -> Bool {
      // Rejects control characters and line separators: they would end the line, or be invisible to a reader of the file.
      guard !value.isEmpty, value.unicodeScalars.allSatisfy(Self.isVisible) else { return false }
      let bytes = Array(value.utf8)
      func consists(of others: String, atMost limit: Int) -> Bool {
        bytes.count <= limit && bytes.allSatisfy { Self.isWord($0) || others.utf8.contains($0) }
      }
      let hyphen = UInt8(ascii: "-")
      switch self {
      case .hostname:
        return consists(of: "-", atMost: 63) && bytes.first != hyphen && bytes.last != hyphen
      case .user, .userGroups:
        // The names that Debian's `adduser` makes, which need no quoting in any file (useradd(8)).
        return consists(of: "-_", atMost: 32) && bytes.allSatisfy { !(0x41...0x5a).contains($0) }
          && !(0x30...0x39).contains(bytes[0]) && bytes[0] != hyphen && !(self == .user && value == "root")
      case .userPasswordHash: return PasswordHash.isValid(value)
      case .passwordlessSudo, .ssh, .sshPasswords, .wifiHidden: return value == "yes" || value == "no"
      case .authorizedKeys:
        let parts = value.split(separator: " ", maxSplits: 2)
        let types = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-"]
        guard parts.count >= 2, types.contains(where: { parts[0].hasPrefix($0) }), parts[1].utf8.count >= 40 else {
          return false
        }
        return parts[1].utf8.allSatisfy { Self.isWord($0) || "+/=".utf8.contains($0) }
      case .wifiName:
        return bytes.count <= 32
      case .wifiNameBytes:
        return bytes.count % 2 == 0 && bytes.count <= 64 && value.allSatisfy { $0.isHexDigit && $0.isASCII }
      case .wifiPassword:
        let isHexadecimal = bytes.count == 64 && value.utf8.decodedHexadecimal != nil
        return isHexadecimal || ((8...63).contains(bytes.count) && bytes.allSatisfy { $0 < 0x7f })
      case .wifiSecurity: return WirelessSecurity(rawValue: value) != nil
      case .wifiCountry: return bytes.count == 2 && bytes.allSatisfy { (0x41...0x5a).contains($0) }
      case .ethernet: return EthernetMethod(rawValue: value) != nil
      case .ethernetInterface:
        return consists(of: "-_.", atMost: 15) && value != "." && value != ".."
      case .ethernetAddresses: return value.contains("/") && NetworkAddress(value) != nil
      case .ethernetGateways, .nameServers: return !value.contains("/") && NetworkAddress(value) != nil
      case .searchDomains, .timeServers: return consists(of: "-.:", atMost: 253) && bytes.first != hyphen
      case .timezone:
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        return (1...3).contains(parts.count)
          && parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { Self.isWord($0) || "_+-".utf8.contains($0) }
          }
      case .locale: return consists(of: "_.@-", atMost: 64)
      case .keymap, .keymapModel, .keymapVariant, .keymapOptions: return consists(of: "-_,:().", atMost: 128)
      case .managementTokenHash:
        return Digest(fingerprint: value) != nil
      }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0..<0x20, 0x7f...0x9f, 0x2028, 0x2029: false
      default: true
      }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
  }

  /// Security of a wireless network.
  public enum WirelessSecurity: String, Sendable, CaseIterable {
    /// Without a password and without encryption.
    case open
    /// Without a password, but encrypted (Enhanced Open).
    case owe
    /// A password, by WPA2 or by WPA2 and WPA3.
    case wpaPSK = "wpa-psk"
    /// A password, by WPA3 only.
    case sae

    /// True if the network has a password.
    public var hasPassword: Bool { self == .wpaPSK || self == .sae }
  }

  /// Configuration of the Ethernet interface.
  public enum EthernetMethod: String, Sendable, CaseIterable {
    case dhcp
    case `static`
    case disabled
  }

  /// An error in the file or in a value.
  public enum Refusal: Error, Equatable, CustomStringConvertible {
    /// A line without a key.
    case noKey(line: Int)
    /// A key that does not exist.
    case unknownKey(String)
    /// A value that the key does not accept. The error does not contain it, as it may be secret.
    case value(Key)
    /// A private key. The error does not contain it.
    case privateKey(Key)
    /// A second value for a key that allows only one.
    case repeated(Key)
    /// The file is not UTF-8, or too large.
    case noText

    public var description: String {
      switch self {
      case .noKey(let line): "line \(line) is not `key=value`"
      case .unknownKey(let key):
        "there is no key `\(key)`; possible: \(Key.allCases.map(\.rawValue).joined(separator: ", "))"
      case .value(let key): "`\(key.rawValue)` takes \(key.expectation)"
      case .privateKey(let key): "this is a private key; `\(key.rawValue)` takes a public one, whose file ends in .pub"
      case .repeated(let key): "`\(key.rawValue)` is set twice"
      case .noText: "it is not UTF-8 text of at most \(FirstBootValues.sizeLimit) bytes"
      }
    }
  }

  /// The values of each key, in the order of the file.
  private var values: [Key: [String]] = [:]

  public init() {}

  public var isEmpty: Bool { values.isEmpty }

  /// The value of a key; the first one if there are several.
  public subscript(key: Key) -> String? { values[key]?.first }

  /// All values of a key.
  public func all(_ key: Key) -> [String] { values[key] ?? [] }

  /// The public keys for SSH logins.
  public var authorizedKeys: [String] { all(.authorizedKeys) }

  /// The keys that have a value.
  public var keys: [Key] { Key.allCases.filter { values[$0] != nil } }

  /// True if a value is `yes`; `nil` if there is none.
  public func flag(_ key: Key) -> Bool? { self[key].map { $0 == "yes" } }

  /// The wireless network's name as bytes; `nil` without a network.
  public var wirelessName: [UInt8]? {
    if let name = self[.wifiName] { return Array(name.utf8) }
    return self[.wifiNameBytes]?.utf8.decodedHexadecimal
  }

  /// The wireless network's security.
  public var wirelessSecurity: WirelessSecurity {
    self[.wifiSecurity].flatMap(WirelessSecurity.init) ?? (self[.wifiPassword] == nil ? .open : .wpaPSK)
  }

  /// True if there is a value that must not be displayed.
  public var hasSecrets: Bool { values.keys.contains(where: \.isSecret) }

  /// Keys that describe one thing. If the first keys of a group have a value, the group is complete, so that a user never
  /// gets another user's password, nor a network another network's.
  private static let groups: [(names: Set<Key>, others: Set<Key>)] = [
    ([.user], [.userPasswordHash, .userGroups, .passwordlessSudo, .authorizedKeys]),
    ([.wifiName, .wifiNameBytes], [.wifiPassword, .wifiSecurity, .wifiHidden]),
    ([.ethernet], [.ethernetInterface, .ethernetAddresses, .ethernetGateways, .nameServers, .searchDomains]),
  ]

  /// Adds the values of the keys that have none here.
  ///
  /// - Returns: The keys whose values were not added.
  mutating func fill(from other: FirstBootValues) -> [Key] {
    var kept: [Key] = []
    let complete = Self.groups.filter { group in group.names.contains { values[$0] != nil } }
      .reduce(into: Set<Key>()) { $0.formUnion($1.names.union($1.others)) }
    for key in other.keys {
      if values[key] == nil, !complete.contains(key) { values[key] = other.values[key] } else { kept.append(key) }
    }
    return kept
  }

  /// Adds a value.
  public mutating func add(_ value: String, for key: Key) throws(Refusal) {
    guard key.accepts(value) else { throw .value(key) }
    guard key.isList || values[key] == nil else { throw .repeated(key) }
    values[key, default: []].append(value)
  }

  /// Parses a file. Every line must be valid.
  public init(_ bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.sizeLimit, let text = String(validating: bytes, as: UTF8.self) else { throw .noText }
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      // By bytes: a combining mark after the equals sign would be part of the same character.
      guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else { throw .noKey(line: index + 1) }
      let name = String(line[..<equals])
      guard let key = Key(rawValue: name) else { throw .unknownKey(name) }
      try add(String(line[line.utf8.index(after: equals)...]), for: key)
    }
  }

  /// The content of the file.
  public var text: String {
    let lines = Key.allCases.flatMap { key in (values[key] ?? []).map { "\(key.rawValue)=\($0)" } }
    return (["# Taken over at the first start of the device."] + lines).joined(separator: "\n") + "\n"
  }
}
