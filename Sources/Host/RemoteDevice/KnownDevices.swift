import DeviceModel
import FoundationEssentials
import HostSystem

/// What is remembered of devices: certificates that a user has compared, and tokens. One file that nobody else can read.
public struct KnownDevices: Sendable {
  /// What is remembered of one device.
  public struct Entry: Codable, Sendable, Equatable {
    /// SHA-256 of its certificate.
    public var fingerprint: Fingerprint
    /// The token that it takes.
    public var token: String

    /// Makes an entry.
    public init(fingerprint: Fingerprint, token: BearerToken) {
      self.fingerprint = fingerprint
      self.token = token.text
    }
  }

  private let file: String
  private var entries: [String: Entry]

  /// Where a user's list is: below `XDG_CONFIG_HOME`, or `.config` in the home.
  public static func file(_ environment: [String: String]) -> String {
    let folder = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return (folder ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.config") + "/cultivar/devices.json"
  }

  /// Reads a list; one that is not there is empty.
  ///
  /// - Throws: ``RemoteFailure/knownDevices(path:)``.
  public init(file: String) throws {
    self.file = file
    entries = [:]
    guard let content = try? FolderTree.readFile(file) else { return }
    guard let read = try? JSONDecoder().decode([String: Entry].self, from: Data(content)) else {
      throw RemoteFailure.knownDevices(path: file)
    }
    entries = read
  }

  /// What is remembered of a device.
  public subscript(address: DeviceAddress) -> Entry? { entries[address.description] }

  /// Remembers a device.
  ///
  /// - Throws: `FileFailure`.
  public mutating func remember(_ entry: Entry, for address: DeviceAddress) throws {
    guard self[address] != entry else { return }
    entries[address.description] = entry
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try PrivateFile.replace(file, String(decoding: try ReadableJSON.encode(entries), as: UTF8.self))
  }
}
