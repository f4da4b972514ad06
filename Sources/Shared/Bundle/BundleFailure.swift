import LinuxSystem
import TaggedFields

/// An error in a bundle or in its installation.
public enum BundleFailure: Error, Equatable, Sendable {
  /// The file does not begin with a bundle's magic number.
  case notABundle
  /// The bundle has a newer format.
  case unknownFormat(UInt16)
  /// A part violates the format.
  case malformed(part: String, reason: String)
  /// The bytes of a part do not match their digest.
  case altered(part: String)
  /// The source ended early.
  case truncated(part: String)
  /// A frame matches its digest, but cannot be decoded: the bundle was made incorrectly.
  case undecodable(image: String, segment: Int, reason: String)
  /// The output of a frame does not match the signed hash tree.
  case wrongOutput(image: String, segment: Int)
  /// A slot's disk returned other bytes than were written.
  case notKept(image: String, segment: Int)
  /// The old image is not the bundle's base, or its storage is damaged.
  case otherBase(image: String)
  /// The image does not fit into its slot; sizes in bytes.
  case tooLarge(image: String, size: UInt64, room: UInt64)
  /// The installation has no target for an image.
  case noTarget(image: String)
  /// The bundle needs an old image that is missing.
  case noBase(image: String)
  /// The device refuses the bundle.
  case refused(Refusal)

  /// The reason why a device refuses a valid, signed bundle.
  public enum Refusal: Error, Equatable, Sendable {
    case otherProduct(bundle: String, device: String)
    case otherDevice(bundle: [String], device: String)
    /// The bundle's security epoch is below the device's.
    case lowerEpoch(bundle: UInt64, device: UInt64)
    /// The bundle's version is below the running one, and its security epoch is not above the device's.
    case lowerVersion(bundle: String, device: String)
    /// The running version is too old to update from.
    case versionTooOld(device: String, minimum: String)
    /// The bundle has expired; time in seconds since 1970.
    case expired(at: UInt64)
    /// The bundle reads an older data schema than that of the device's data.
    case olderDataSchema(bundle: UInt32, device: UInt32)
  }
}

extension BundleFailure: CustomStringConvertible {
  /// The failure in a sentence, without a full stop.
  public var description: String {
    switch self {
    case .notABundle: "this is not a bundle"
    case .unknownFormat(let number): "the bundle has format \(number), and this version reads only format 1"
    case .malformed(let part, let reason): "the \(part) of the bundle cannot be read: \(reason)"
    case .altered(let part): "the \(part) of the bundle differs from the one that was signed"
    case .truncated(let part): "the bundle ends within its \(part)"
    case .undecodable(let image, let segment, let reason):
      "segment \(segment) of image '\(image)' cannot be decoded: \(reason)"
    case .wrongOutput(let image, let segment):
      "segment \(segment) of image '\(image)' differs from the signed one after decoding"
    case .notKept(let image, let segment):
      "segment \(segment) of image '\(image)' was written, but the disk returns other data: the disk is failing"
    case .otherBase(let image): "the old image '\(image)' is not the one that the bundle was made from, or is damaged"
    case .tooLarge(let image, let size, let room): "image '\(image)' has \(size) bytes, but its target has only \(room)"
    case .noTarget(let image): "there is no target for image '\(image)'"
    case .noBase(let image): "the bundle needs the old image '\(image)', which was not given"
    case .refused(let reason): "the bundle is refused: \(reason)"
    }
  }
}

extension BundleFailure.Refusal: CustomStringConvertible {
  /// The reason, without a full stop.
  public var description: String {
    switch self {
    case .otherProduct(let bundle, let device):
      "it is for product '\(bundle)', but this device's product is '\(device)'"
    case .otherDevice(let bundle, let device):
      "it is for \(bundle.map { "'\($0)'" }.joined(separator: ", ")), but this device is a '\(device)'"
    case .lowerVersion(let bundle, let device):
      "its version \(bundle) is lower than the running version \(device); `--allow-downgrade` installs it anyway"
    case .lowerEpoch(let bundle, let device): "its security epoch is \(bundle), and this device has reached \(device)"
    case .versionTooOld(let device, let minimum):
      "it updates only version \(minimum) or later, but this device runs \(device)"
    case .expired(let time): "it expired at \(Clock.text(seconds: Int(clamping: time)))"
    case .olderDataSchema(let bundle, let device): "it has data schema \(bundle), and this device's data has \(device)"
    }
  }
}

extension BundleFailure {
  /// Converts a failure of the field reader.
  static func malformed(_ part: String, _ failure: FieldFailure) -> BundleFailure {
    .malformed(part: part, reason: failure.description)
  }
}

extension BundleFailure {
  /// True if the content of a slot may be the cause.
  var mayBeOfSlot: Bool {
    switch self {
    case .undecodable, .wrongOutput, .notKept, .otherBase: true
    default: false
    }
  }
}
