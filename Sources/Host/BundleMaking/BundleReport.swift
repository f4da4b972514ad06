import Bundle
import FoundationEssentials
import LinuxSystem

/// What a bundle says of itself, for people and for programs.
public struct BundleReport: Encodable, Sendable {
  /// What the bundle updates.
  public var product: String
  /// Device classes.
  public var devices: [String]
  /// The release.
  public var version: String
  /// Its security epoch.
  public var securityEpoch: UInt64
  /// The lowest version that it updates from.
  public var minimumVersion: String?
  /// Seconds since 1970.
  public var created: UInt64
  /// Seconds since 1970.
  public var expires: UInt64?
  /// Version of the data.
  public var dataSchema: UInt32
  /// What people should know.
  public var notes: String?
  /// SHA-256 of the manifest.
  public var identity: String
  /// By what a bundle is named that changes this release.
  public var releaseKey: String
  /// Bytes of the bundle.
  public var size: UInt64
  /// Its images.
  public var images: [Image]

  /// What it says of an image.
  public struct Image: Encodable, Sendable {
    /// Its name in a slot.
    public var name: String
    /// Bytes.
    public var size: UInt64
    /// Of its content.
    public var sha256: String
    /// Root of its hash tree.
    public var tree: String
    /// Root of the hash tree of the old image that it is made from.
    public var base: String?
    /// Bytes that the bundle has of it: table, heads and frames.
    public var stored: UInt64
  }

  /// Describes a bundle.
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

  /// Names and values, in the order in which they are shown.
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

  /// The report as lines.
  public var text: String {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { "\($0.name.padded(to: width))  \($0.value)\n" }.joined()
  }

  private static func date(_ seconds: UInt64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }
}
