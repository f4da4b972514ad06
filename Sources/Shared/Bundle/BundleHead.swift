import Hashing

/// The beginning of a bundle: its manifest and the signatures over it, not yet checked.
///
/// A prologue of 32 bytes precedes them: the magic number, the format, and the lengths of manifest and signatures; the
/// rest is zero.
public struct BundleHead: Equatable, Sendable {
  /// Bytes before the manifest.
  public static let prologueLength = 32
  static let magic: [UInt8] = [0x93, 0x43, 0x56, 0x42, 0x0d, 0x0a, 0x1a, 0x0a]
  static let format: UInt16 = 1

  /// The manifest's bytes, as they were signed.
  public var manifest: [UInt8]
  /// The bytes of ``BundleSignatures``; empty without signatures.
  public var signatures: [UInt8]

  public init(manifest: [UInt8], signatures: [UInt8]) {
    self.manifest = manifest
    self.signatures = signatures
  }

  /// Length of the head in bytes. The segment tables follow it.
  public var length: Int { Self.prologueLength + manifest.count + signatures.count }

  public var bytes: [UInt8] {
    var bytes = Self.magic
    func append(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(Self.format)
    append(0 as UInt16)
    append(UInt32(manifest.count))
    append(UInt32(signatures.count))
    bytes += [UInt8](repeating: 0, count: Self.prologueLength - bytes.count)
    return bytes + manifest + signatures
  }

  /// Reads a head. Checks only the magic number, the format and the lengths.
  ///
  /// - Throws: ``BundleFailure``.
  public init(from source: some BundleSource) throws {
    let length = UInt64(Self.prologueLength)
    let prologue = try source.read(Self.prologueLength, at: 0, upTo: length, part: "head")
    func number<Number: FixedWidthInteger>(_ offset: Int) -> Number {
      prologue.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
    guard prologue.starts(with: Self.magic) else { throw BundleFailure.notABundle }
    guard number(8) == Self.format else { throw BundleFailure.unknownFormat(number(8)) }
    let (manifestLength, signaturesLength): (UInt32, UInt32) = (number(12), number(16))
    guard (1...BundleLimits.manifest).contains(Int(manifestLength)), signaturesLength <= BundleLimits.signatures,
      number(10) == 0 as UInt16, prologue[20...].allSatisfy({ $0 == 0 })
    else { throw BundleFailure.malformed(part: "head", reason: "its length is out of range") }
    let end = length + UInt64(manifestLength) + UInt64(signaturesLength)
    manifest = try source.read(Int(manifestLength), at: length, upTo: end, part: "manifest")
    signatures = try source.read(
      Int(signaturesLength), at: length + UInt64(manifestLength), upTo: end, part: "signatures")
  }
}

/// A bundle whose signatures have been checked.
public struct SignedBundle: Sendable {
  public let manifest: BundleManifest
  /// SHA-256 of the manifest's bytes. Identifies the bundle.
  public let identity: Digest
  private let headLength: UInt64

  /// Checks the signatures, and parses the manifest only afterwards.
  ///
  /// - Parameter judge: A function that throws if the signatures are not sufficient.
  /// - Throws: Errors of `judge`, ``BundleFailure``.
  public init(_ head: BundleHead, judge: (_ manifest: [UInt8], _ signatures: BundleSignatures) throws -> Void) throws {
    try judge(head.manifest, BundleSignatures(head.signatures))
    manifest = try BundleManifest(head.manifest)
    identity = Digest(of: head.manifest)
    headLength = UInt64(head.length)
  }

  /// The offset of an image's segment table.
  public func offset(ofTable number: Int) -> UInt64 {
    headLength + manifest.images[..<number].reduce(0) { $0 + UInt64($1.tableLength) }
  }

  /// The offset of an image's frames.
  public func offset(ofFrames number: Int) -> UInt64 {
    offset(ofTable: manifest.images.count) + manifest.images[..<number].reduce(0) { $0 + $1.framesLength }
  }

  /// Length of the whole bundle in bytes.
  public var length: UInt64 { offset(ofFrames: manifest.images.count) }

  /// Reads the segment tables.
  ///
  /// - Throws: ``BundleFailure``, and errors of the source.
  public func tables(from source: some BundleSource) throws -> [SegmentTable] {
    let end = offset(ofTable: manifest.images.count)
    return try manifest.images.enumerated().map { number, image in
      let bytes = try source.read(
        Int(image.tableLength), at: offset(ofTable: number), upTo: end, part: "segment table of '\(image.name)'")
      return try SegmentTable(bytes, of: image)
    }
  }
}

/// The properties of a device that decide which bundles it accepts.
public struct DeviceFacts: Equatable, Sendable {
  public var product: String
  public var device: String
  /// The version that is running.
  public var version: String
  /// The highest security epoch that the device has committed.
  public var securityEpoch: UInt64
  /// True if a release of the same epoch may have a lower version than the running one.
  public var allowsDowngrade: Bool
  /// Version of the device's data schema.
  public var dataSchema: UInt32
  /// The current time in seconds since 1970. A device without a battery-backed clock gives the latest time that it
  /// knows to have passed.
  public var now: UInt64

  public init(
    product: String, device: String, version: String, securityEpoch: UInt64, allowsDowngrade: Bool = false,
    dataSchema: UInt32, now: UInt64
  ) {
    self.product = product
    self.device = device
    self.version = version
    self.securityEpoch = securityEpoch
    self.allowsDowngrade = allowsDowngrade
    self.dataSchema = dataSchema
    self.now = now
  }
}

extension BundleManifest {
  /// Checks that a device accepts the bundle.
  ///
  /// - Throws: ``BundleFailure/refused(_:)``.
  public func check(for device: DeviceFacts) throws(BundleFailure) {
    guard product == device.product else { throw .refused(.otherProduct(bundle: product, device: device.product)) }
    guard devices.contains(device.device) else {
      throw .refused(.otherDevice(bundle: devices, device: device.device))
    }
    guard securityEpoch >= device.securityEpoch else {
      throw .refused(.lowerEpoch(bundle: securityEpoch, device: device.securityEpoch))
    }
    guard
      device.allowsDowngrade || securityEpoch > device.securityEpoch
        || ReleaseVersion(version) >= ReleaseVersion(device.version)
    else { throw .refused(.lowerVersion(bundle: version, device: device.version)) }
    if let minimumVersion, ReleaseVersion(device.version) < ReleaseVersion(minimumVersion) {
      throw .refused(.versionTooOld(device: device.version, minimum: minimumVersion))
    }
    guard dataSchema >= device.dataSchema else {
      throw .refused(.olderDataSchema(bundle: dataSchema, device: device.dataSchema))
    }
    if let expires, expires <= device.now { throw .refused(.expired(at: expires)) }
  }
}
