import Hashing
import TaggedFields

/// The signed description of a bundle. It contains the digests that protect all other parts.
public struct BundleManifest: Equatable, Sendable {
  /// The product that the bundle updates: the project's name.
  public var product: String
  /// Device classes that the bundle is for.
  public var devices: [String]
  /// The release's version, ordered by ``ReleaseVersion``.
  public var version: String
  /// Security epoch. It increases when older releases must not be installed again because of a known vulnerability.
  public var securityEpoch: UInt64
  /// The lowest version that the bundle can update from; `nil` for any.
  public var minimumVersion: String?
  /// Creation time, in seconds since 1970.
  public var created: UInt64
  /// Expiry time, in seconds since 1970; `nil` for never.
  public var expires: UInt64?
  /// Version of the data schema that the release's programs write. They can read older schemas.
  public var dataSchema: UInt32
  /// Release notes for users.
  public var notes: String?
  /// The images, in the order of their frames.
  public var images: [BundleImage]

  public init(
    product: String, devices: [String], version: String, securityEpoch: UInt64 = 0, minimumVersion: String? = nil,
    created: UInt64, expires: UInt64? = nil, dataSchema: UInt32 = 0, notes: String? = nil, images: [BundleImage] = []
  ) {
    self.product = product
    self.devices = devices
    self.version = version
    self.securityEpoch = securityEpoch
    self.minimumVersion = minimumVersion
    self.created = created
    self.expires = expires
    self.dataSchema = dataSchema
    self.notes = notes
    self.images = images
  }
}

/// An image in a bundle: its content and its parts in the bundle.
public struct BundleImage: Equatable, Sendable {
  /// The image's name in a slot: `root`, `kernel`, `initrd`.
  public var name: String
  /// Size in bytes.
  public var size: UInt64
  /// SHA-256 of its content.
  public var content: Digest
  /// Root of the image's ``HashTree``.
  public var tree: Digest
  /// The old image that this one is made from; `nil` if the bundle contains all of it.
  public var base: Base?
  /// Bytes of the segment table.
  public var tableLength: UInt32
  /// SHA-256 of the segment table.
  public var tableDigest: Digest
  /// Bytes of the segment heads and frames.
  public var framesLength: UInt64

  /// An old image.
  public struct Base: Equatable, Sendable {
    /// Size in bytes.
    public var size: UInt64
    /// Root of the image's ``HashTree``.
    public var tree: Digest

    public init(size: UInt64, tree: Digest) {
      self.size = size
      self.tree = tree
    }
  }

  public init(
    name: String, size: UInt64, content: Digest, tree: Digest, base: Base?, tableLength: UInt32, tableDigest: Digest,
    framesLength: UInt64
  ) {
    self.name = name
    self.size = size
    self.content = content
    self.tree = tree
    self.base = base
    self.tableLength = tableLength
    self.tableDigest = tableDigest
    self.framesLength = framesLength
  }

  /// True if the text is a valid image name: 1 to 32 letters from a to z, digits and hyphens.
  public static func isName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
  }

  /// Number of segments.
  public var segmentCount: Int { Int((size + UInt64(BundleLimits.segment) - 1) / UInt64(BundleLimits.segment)) }

  /// Number of blocks in a segment.
  func blocks(ofSegment number: Int) -> Int {
    (length(ofSegment: number) + BundleLimits.block - 1) / BundleLimits.block
  }

  /// Number of bytes in a segment.
  public func length(ofSegment number: Int) -> Int {
    Int(min(UInt64(BundleLimits.segment), size - UInt64(number) * UInt64(BundleLimits.segment)))
  }
}

extension BundleManifest {
  /// The manifest as tagged fields. Equal manifests have equal bytes.
  public var bytes: [UInt8] {
    var fields = FieldWriter()
    fields.add(1, text: product)
    for device in devices { fields.add(2, text: device) }
    fields.add(3, text: version)
    fields.add(4, number: securityEpoch)
    if let minimumVersion { fields.add(5, text: minimumVersion) }
    fields.add(6, number: created)
    if let expires { fields.add(7, number: expires) }
    fields.add(8, number: dataSchema)
    if let notes { fields.add(9 | FieldReader.skippable, text: notes) }
    for image in images { fields.add(10, image.bytes) }
    return fields.bytes
  }

  /// Parses a manifest.
  ///
  /// - Throws: ``BundleFailure/malformed(part:reason:)``.
  public init(_ bytes: [UInt8]) throws(BundleFailure) {
    do throws(FieldFailure) {
      var fields = try FieldReader(bytes[...], of: "manifest")
      product = try fields.text(1, "product", length: 1...128)
      devices = try fields.texts(2, "device class", count: 1...32, length: 1...128)
      version = try fields.text(3, "version", length: 1...128)
      securityEpoch = try fields.number(4, "security epoch")
      minimumVersion = try fields.texts(5, "minimum version", count: 0...1, length: 1...128).first
      created = try fields.number(6, "creation time")
      expires = try fields.optionalNumber(7, "expiry time")
      dataSchema = try fields.number(8, "data schema")
      notes =
        try fields.texts(9 | FieldReader.skippable, "notes", count: 0...1, length: 0...16384, isProse: true).first
      var images: [BundleImage] = []
      for value in try fields.values(10, "image", count: 1...BundleLimits.images, length: 1...4096) {
        images.append(try BundleImage(value))
      }
      self.images = images
      try fields.finish()
      guard Set(images.map(\.name)).count == images.count else { throw FieldFailure("two images have the same name") }
      guard images.reduce(0, { $0 + Int($1.tableLength) }) <= BundleLimits.tables else {
        throw FieldFailure("the segment tables have more than \(BundleLimits.tables) bytes in total")
      }
    } catch {
      throw .malformed("manifest", error)
    }
  }
}

extension BundleImage {
  fileprivate var bytes: [UInt8] {
    var fields = FieldWriter()
    fields.add(1, text: name)
    fields.add(2, number: size)
    fields.add(3, content.bytes)
    fields.add(4, tree.bytes)
    if let base {
      fields.add(5, number: base.size)
      fields.add(6, base.tree.bytes)
    }
    fields.add(7, number: tableLength)
    fields.add(8, tableDigest.bytes)
    fields.add(9, number: framesLength)
    return fields.bytes
  }

  fileprivate init(_ bytes: ArraySlice<UInt8>) throws(FieldFailure) {
    var fields = try FieldReader(bytes, of: "image")
    name = try fields.text(1, "name", length: 1...32)
    // The name becomes a file name when a bundle is unpacked.
    guard Self.isName(name) else {
      throw FieldFailure("an image's name may have only letters a to z, digits and hyphens")
    }
    size = try Self.size(try fields.number(2, "size"))
    content = try Self.digest(&fields, 3, "content")
    tree = try Self.digest(&fields, 4, "tree")
    if let size: UInt64 = try fields.optionalNumber(5, "size of the base") {
      base = Base(size: try Self.size(size), tree: try Self.digest(&fields, 6, "tree of the base"))
    }
    tableLength = try fields.number(7, "length of the table")
    tableDigest = try Self.digest(&fields, 8, "table")
    framesLength = try fields.number(9, "length of the frames")
    try fields.finish()
    guard framesLength <= 2 * BundleLimits.image else {
      throw FieldFailure("the frames are longer than an image may be")
    }
  }

  private static func digest(
    _ fields: inout FieldReader, _ tag: UInt16, _ name: String
  ) throws(FieldFailure) -> Digest {
    guard let digest = Digest(try fields.value(tag, name, length: Digest.length...Digest.length)) else {
      throw FieldFailure("the \(name) is not a SHA-256 digest")
    }
    return digest
  }

  private static func size(_ number: UInt64) throws(FieldFailure) -> UInt64 {
    guard (1...BundleLimits.image).contains(number) else {
      throw FieldFailure("an image has \(number) bytes; allowed: 1 to \(BundleLimits.image)")
    }
    return number
  }
}

extension BundleManifest {
  /// Identifies the release, whatever its bundles are made from: a digest of the version and the content of the images.
  public var release: Digest {
    var bytes = Array("cultivar release 1\n\(version)\n".utf8)
    for image in images.sorted(by: { $0.name < $1.name }) {
      bytes += Array("\(image.name)\n".utf8) + image.content.bytes
    }
    return Digest(of: bytes)
  }
}
