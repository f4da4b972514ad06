import Bundle
import FoundationEssentials
import Hashing
import LinuxSystem

/// The description of a bundle for people and programs.
public struct BundleReport: Encodable, Sendable {
  public var product: String
  public var devices: [String]
  /// Version of the release.
  public var version: String
  public var securityEpoch: UInt64
  /// Lowest version that the bundle updates.
  public var minimumVersion: String?
  /// Creation time in seconds since 1970.
  public var created: UInt64
  /// Expiry time in seconds since 1970.
  public var expires: UInt64?
  /// Version of the data on the data partition.
  public var dataSchema: UInt32
  /// Notes on the release for people.
  public var notes: String?
  /// SHA-256 of the manifest.
  public var identity: String
  /// Identifies the release in the names of delta bundles from it.
  public var releaseKey: String
  /// Size of the bundle in bytes.
  public var size: UInt64
  public var images: [Image]

  /// The description of an image.
  public struct Image: Encodable, Sendable {
    /// Name of the image in a slot.
    public var name: String
    /// Size in bytes.
    public var size: UInt64
    /// SHA-256 of the content.
    public var sha256: String
    /// Root of the hash tree.
    public var tree: String
    /// Root of the hash tree of the old image that the bundle changes; `nil` for a complete image.
    public var base: String?
    /// Size of the image's part of the bundle in bytes: table, heads and frames.
    public var stored: UInt64
  }

  public init(_ bundle: BundleFile) {
    let manifest = bundle.manifest
    product = manifest.product
    devices = manifest.devices
    version = manifest.version
    securityEpoch = manifest.securityEpoch
    minimumVersion = manifest.minimumVersion
    created = manifest.created
    expires = manifest.expires
    dataSchema = manifest.dataSchema
    notes = manifest.notes
    identity = Digest(of: bundle.head.manifest).description
    releaseKey = manifest.releaseKey.description
    images = manifest.images.map { image in
      Image(
        name: image.name, size: image.size, sha256: image.content.description, tree: image.tree.description,
        base: image.base?.tree.description, stored: UInt64(image.tableLength) + image.framesLength)
    }
    size = UInt64(bundle.head.length) + images.reduce(0) { $0 + $1.stored }
  }

  /// Names and values, in the order of display.
  public var rows: [(name: String, value: String)] {
    var rows = [
      ("product", product), ("devices", devices.joined(separator: ", ")), ("version", version),
      ("security epoch", "\(securityEpoch)"), ("created", Self.date(created)), ("data schema", "\(dataSchema)"),
    ]
    if let minimumVersion { rows.append(("updates from", "\(minimumVersion) or later")) }
    if let expires { rows.append(("expires", Self.date(expires))) }
    if let notes { rows.append(("notes", notes.trimming(\.isNewline))) }
    rows += [("identity", identity), ("release key", releaseKey), ("bytes", "\(size)")]
    for image in images {
      rows.append(("\(image.name): bytes", "\(image.size)"))
      rows.append(("\(image.name): in the bundle", "\(image.stored)"))
      rows.append(("\(image.name): SHA-256", image.sha256))
      rows.append(("\(image.name): tree", image.tree))
      if let base = image.base { rows.append(("\(image.name): made from", base)) }
    }
    return rows
  }

  /// The report as text, one line for each row.
  public var text: String { TextTable.text(rows.map { [$0.name, $0.value] }) }

  private static func date(_ seconds: UInt64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }
}
