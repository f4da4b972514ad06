import DeviceModel
import FoundationEssentials
import Hashing
import HostSystem

/// The known devices with their certificates, which the user has verified, and their tokens. They are stored in a file
/// that only the user can read.
public struct KnownDevices: Sendable {
  /// A known device.
  public struct Entry: Codable, Sendable, Equatable {
    /// SHA-256 of the device's certificate.
    public var fingerprint: Digest
    /// The token for the device.
    public var token: String

    public init(fingerprint: Digest, token: BearerToken) {
      self.fingerprint = fingerprint
      self.token = token.text
    }
  }

  private let file: String
  private var entries: [String: Entry]

  /// Returns the path of a user's file, below `XDG_CONFIG_HOME`, or below `.config` in the home folder.
  public static func file(_ environment: [String: String]) -> String {
    let folder = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return (folder ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.config") + "/cultivar/devices.json"
  }

  /// Reads the file. A missing file gives an empty list.
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

  /// Returns the entry of a device; `nil` if the device is not known.
  public subscript(address: DeviceAddress) -> Entry? { entries[address.description] }

  /// Stores the entry of a device.
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
