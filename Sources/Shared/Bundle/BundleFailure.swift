import LinuxSystem
import TaggedFields

/// Why a bundle is not taken, or cannot be applied.
public enum BundleFailure: Error, Equatable, Sendable {
  /// The file does not begin as a bundle does.
  case notABundle
  /// The bundle is of a later format.
  case unknownFormat(UInt16)
  /// Bytes are not what the format asks for: which part, and why.
  case malformed(part: String, reason: String)
  /// A part's bytes are not those that were signed.
  case altered(part: String)
  /// The source ended early.
  case truncated(part: String)
  /// A frame's bytes are those that were signed, and do not decode: the maker was at fault.
  case undecodable(image: String, segment: Int, reason: String)
  /// What a frame gave is not what the signed tree says.
  case wrongOutput(image: String, segment: Int)
  /// A slot's disk gave back something else than what was written to it.
  case notKept(image: String, segment: Int)
  /// The old image is not the one that the bundle was made from, or its storage is damaged.
  case otherBase(image: String)
  /// The image does not fit into its slot: bytes.
  case tooLarge(image: String, size: UInt64, room: UInt64)
  /// There is no place for an image.
  case noTarget(image: String)
  /// The bundle needs an old image that is not there.
  case noBase(image: String)
  /// The bundle is not meant for this device, or not now.
  case refused(Refusal)

  /// Why a device does not take a bundle that is whole and signed.
  public enum Refusal: Error, Equatable, Sendable {
    case otherProduct(bundle: String, device: String)
    case otherDevice(bundle: [String], device: String)
    /// Its security epoch is below the device's.
    case lowerEpoch(bundle: UInt64, device: UInt64)
    /// Its version is below the one that runs, and its security epoch is not above the device's.
    case lowerVersion(bundle: String, device: String)
    /// The device runs a version that is too old to come from.
    case versionTooOld(device: String, minimum: String)
    /// Its time is over: seconds since 1970.
    case expired(at: UInt64)
    /// It reads data of an older schema than the device's data have.
    case olderDataSchema(bundle: UInt32, device: UInt32)
  }
}

extension BundleFailure: CustomStringConvertible {
  /// The failure in a sentence, without a full stop.
  public var description: String {
    switch self {
    case .notABundle: "this is not a bundle"
    case .unknownFormat(let number): "the bundle has format \(number), and this version knows format 1"
    case .malformed(let part, let reason): "the \(part) of the bundle cannot be read: \(reason)"
    case .altered(let part): "the \(part) of the bundle is not the one that was signed"
    case .truncated(let part): "the bundle ends within its \(part)"
    case .undecodable(let image, let segment, let reason):
      "segment \(segment) of image '\(image)' does not decode: \(reason)"
    case .wrongOutput(let image, let segment):
      "segment \(segment) of image '\(image)' comes out other than it was signed"
    case .notKept(let image, let segment):
      "segment \(segment) of image '\(image)' does not come back from the disk as it was written: the disk is failing"
    case .otherBase(let image): "the old image '\(image)' is not the one that the bundle was made from, or is damaged"
    case .tooLarge(let image, let size, let room): "image '\(image)' has \(size) bytes, and its place \(room)"
    case .noTarget(let image): "there is no place for image '\(image)'"
    case .noBase(let image): "the bundle changes an old image '\(image)', and none was given"
    case .refused(let reason): "the bundle is refused: \(reason)"
    }
  }
}

extension BundleFailure.Refusal: CustomStringConvertible {
  /// The reason, without a full stop.
  public var description: String {
    switch self {
    case .otherProduct(let bundle, let device): "it is for product '\(bundle)', and this is '\(device)'"
    case .otherDevice(let bundle, let device):
      "it is for \(bundle.map { "'\($0)'" }.joined(separator: ", ")), and this device is a '\(device)'"
    case .lowerVersion(let bundle, let device):
      "its version \(bundle) is lower than \(device), which runs; `--allow-downgrade` installs it all the same"
    case .lowerEpoch(let bundle, let device): "its security epoch is \(bundle), and this device has reached \(device)"
    case .versionTooOld(let device, let minimum):
      "it updates version \(minimum) or later, and this device runs \(device)"
    case .expired(let time): "it expired at \(Clock.text(seconds: Int(clamping: time)))"
    case .olderDataSchema(let bundle, let device): "it has data schema \(bundle), and this device's data has \(device)"
    }
  }
}

extension BundleFailure {
  /// A part that its fields' reader refused.
  static func malformed(_ part: String, _ failure: FieldFailure) -> BundleFailure {
    .malformed(part: part, reason: failure.description)
  }
}

extension BundleFailure {
  /// Whether content of a slot may be the reason, which what follows refers to.
  var mayBeOfSlot: Bool {
    switch self {
    case .undecodable, .wrongOutput, .notKept, .otherBase: true
    default: false
    }
  }
}
