/// Values that a device takes over at its first start: `cultivar.conf` on the boot partition.
///
/// One `key=value` a line, UTF-8; empty lines and lines that begin with `#` do not count. `authorized-keys` may be there
/// several times, once for each key.
public struct FirstBootValues: Sendable, Equatable {
  /// Name of the file, in the root of the boot partition's file system.
  public static let fileName = "cultivar.conf"
  /// Most bytes of the file that are read.
  public static let sizeLimit = 65_536

  /// What can be set.
  public enum Key: String, Sendable, CaseIterable {
    /// Host name: letters, digits and hyphens, at most 63 (RFC 1123, section 2.1).
    case hostname
    /// A public key that may log in, as a line of OpenSSH's `authorized_keys`, without options.
    case authorizedKeys = "authorized-keys"
    /// Name of the wireless network: 1 to 32 bytes.
    case wifiName = "wifi-ssid"
    /// Its password: 8 to 63 characters of ASCII, or 64 hexadecimal digits. Secret.
    case wifiPassword = "wifi-password"
    /// Time zone by its name in the tz database.
    case timezone
    /// SHA-256 of the token that requests to the management API bring, in hexadecimal.
    case managementTokenHash = "management-token-hash"

    /// Whether the value is not to be shown.
    public var isSecret: Bool { self == .wifiPassword }

    /// What a value looks like.
    public var expectation: String {
      switch self {
      case .hostname: "letters, digits and hyphens, at most 63"
      case .authorizedKeys: "a public key as in OpenSSH's authorized_keys, without options"
      case .wifiName: "1 to 32 bytes"
      case .wifiPassword: "8 to 63 characters of ASCII, or 64 hexadecimal digits"
      case .timezone: "a name like Europe/Berlin"
      case .managementTokenHash: "64 hexadecimal digits, as `cultivar token new` prints them"
      }
    }

    /// Whether a value can be taken.
    public func accepts(_ value: String) -> Bool {
      // What would end the line, or could not be seen by whoever reads the file.
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
        return Fingerprint(hexadecimal: value) != nil
      }
    }
  }

  /// Why a file or a value cannot be taken.
  public enum Refusal: Error, Equatable, CustomStringConvertible {
    /// A line without a key.
    case noKey(line: Int)
    /// A key that does not exist.
    case unknownKey(String)
    /// A value that the key does not take. Secret values are not told.
    case value(Key)
    /// A private key, of which nothing is told.
    case privateKey(Key)
    /// A key with two values, that takes one.
    case repeated(Key)
    /// The file is no UTF-8, or too large.
    case noText

    /// The reason, for a reader.
    public var description: String {
      switch self {
      case .noKey(let line): "line \(line) is no `key=value`"
      case .unknownKey(let key):
        "there is no key `\(key)`; possible: \(Key.allCases.map(\.rawValue).joined(separator: ", "))"
      case .value(let key): "`\(key.rawValue)` takes \(key.expectation)"
      case .privateKey(let key): "this is a private key; `\(key.rawValue)` takes a public one, whose file ends in .pub"
      case .repeated(let key): "`\(key.rawValue)` is there twice"
      case .noText: "it is no text of at most \(FirstBootValues.sizeLimit) bytes"
      }
    }
  }

  /// The values, in the order of the keys' declaration.
  private var values: [Key: [String]] = [:]

  /// Starts without values.
  public init() {}

  /// Whether there is no value.
  public var isEmpty: Bool { values.isEmpty }

  /// The value of a key; the first one where there are several.
  public subscript(key: Key) -> String? { values[key]?.first }

  /// The keys that may log in.
  public var authorizedKeys: [String] { values[.authorizedKeys] ?? [] }

  /// Adds a value.
  public mutating func add(_ value: String, for key: Key) throws(Refusal) {
    guard key.accepts(value) else { throw .value(key) }
    guard key == .authorizedKeys || values[key] == nil else { throw .repeated(key) }
    values[key, default: []].append(value)
  }

  /// Reads a file; every line must be right.
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

  /// The file.
  public var text: String {
    let lines = Key.allCases.flatMap { key in (values[key] ?? []).map { "\(key.rawValue)=\($0)" } }
    return (["# Taken over at the first start of the device."] + lines).joined(separator: "\n") + "\n"
  }
}
