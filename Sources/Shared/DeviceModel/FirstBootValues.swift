import Hashing

/// Values that a device reads at its first start from `cultivar.conf` on the boot partition.
///
/// The file is UTF-8 with one `key=value` on each line. Empty lines and lines that begin with `#` are ignored.
/// `authorized-keys` may occur several times, once for each key.
public struct FirstBootValues: Sendable, Equatable {
  /// Name of the file in the root directory of the boot partition.
  public static let fileName = "cultivar.conf"
  /// Maximum size of the file in bytes.
  public static let sizeLimit = 65_536

  /// The keys of the file.
  public enum Key: String, Sendable, CaseIterable {
    /// Host name: letters, digits and hyphens, at most 63 (RFC 1123, section 2.1).
    case hostname
    /// A public key for SSH logins, as a line of OpenSSH's `authorized_keys` without options.
    case authorizedKeys = "authorized-keys"
    /// Name of the wireless network: 1 to 32 bytes.
    case wifiName = "wifi-ssid"
    /// Password of the wireless network: 8 to 63 ASCII characters, or 64 hexadecimal digits. Secret.
    case wifiPassword = "wifi-password"
    /// Time zone, as a name of the tz database.
    case timezone
    /// SHA-256 of the token for requests to the management API, in hexadecimal.
    case managementTokenHash = "management-token-hash"

    /// True if the value must not be displayed.
    public var isSecret: Bool { self == .wifiPassword }

    /// The format of a value.
    public var expectation: String {
      switch self {
      case .hostname: "letters, digits and hyphens, at most 63"
      case .authorizedKeys: "a public key as in OpenSSH's authorized_keys, without options"
      case .wifiName: "1 to 32 bytes"
      case .wifiPassword: "8 to 63 ASCII characters, or 64 hexadecimal digits"
      case .timezone: "a name like Europe/Berlin"
      case .managementTokenHash: "64 hexadecimal digits, as `cultivar token new` prints them"
      }
    }

    /// True if the key accepts the value.
    public func accepts(_ value: String) -> Bool {
      // Rejects control characters: they would end the line, or be invisible to a reader of the file.
      guard !value.isEmpty, value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
        return false
      }
      let bytes = Array(value.utf8)
      func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      }
      let hyphen = UInt8(ascii: "-")
      switch self {
      case .hostname:
        return bytes.count <= 63 && bytes.allSatisfy { isWord($0) || $0 == hyphen } && bytes.first != hyphen
          && bytes.last != hyphen
      case .authorizedKeys:
        let parts = value.split(separator: " ", maxSplits: 2)
        let types = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-"]
        guard parts.count >= 2, types.contains(where: { parts[0].hasPrefix($0) }), parts[1].utf8.count >= 40 else {
          return false
        }
        return parts[1].utf8.allSatisfy { isWord($0) || "+/=".utf8.contains($0) }
      case .wifiName:
        return bytes.count <= 32
      case .wifiPassword:
        let isHexadecimal = bytes.count == 64 && value.allSatisfy(\.isHexDigit)
        return isHexadecimal || ((8...63).contains(bytes.count) && bytes.allSatisfy { $0 < 0x7f })
      case .timezone:
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        return (1...3).contains(parts.count)
          && parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { isWord($0) || "_+-".utf8.contains($0) }
          }
      case .managementTokenHash:
        return Digest(fingerprint: value) != nil
      }
    }
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

  /// The public keys for SSH logins.
  public var authorizedKeys: [String] { values[.authorizedKeys] ?? [] }

  /// Adds a value.
  public mutating func add(_ value: String, for key: Key) throws(Refusal) {
    guard key.accepts(value) else { throw .value(key) }
    guard key == .authorizedKeys || values[key] == nil else { throw .repeated(key) }
    values[key, default: []].append(value)
  }

  /// Parses a file. Every line must be valid.
  public init(_ bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.sizeLimit, let text = String(validating: bytes, as: UTF8.self) else { throw .noText }
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let equals = line.firstIndex(of: "=") else { throw .noKey(line: index + 1) }
      let name = String(line[..<equals])
      guard let key = Key(rawValue: name) else { throw .unknownKey(name) }
      try add(String(line[line.index(after: equals)...]), for: key)
    }
  }

  /// The content of the file.
  public var text: String {
    let lines = Key.allCases.flatMap { key in (values[key] ?? []).map { "\(key.rawValue)=\($0)" } }
    return (["# Taken over at the first start of the device."] + lines).joined(separator: "\n") + "\n"
  }
}
