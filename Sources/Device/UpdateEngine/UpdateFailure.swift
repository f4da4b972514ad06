import DeviceModel

/// The reason why an update is not installed, committed or given up.
public enum UpdateFailure: Error, Equatable, CustomStringConvertible {
  /// Another process or request changes the slots.
  case busy
  /// The image was made without a second slot.
  case oneSlotOnly
  /// The boot loader would try a release more than once.
  case cannotTry
  /// A release is on trial, or waits for its trial.
  case trialPending(version: String)
  case noTrial
  /// The release on trial is running, so there is nothing to cancel.
  case trialRuns(version: String)
  /// The release failed on this device before.
  case failedBefore(version: String, reason: String)
  case refusedByHook(name: String, reason: String)
  /// The images of the bundle are not those that a slot needs.
  case otherImages(missing: [String])
  /// The boot partition is too small for the files. Sizes in bytes.
  case noRoomOnBootPartition(needed: UInt64, available: UInt64)
  /// The other slot has no release to go back to.
  case nothingToGoBackTo(Slot)
  /// The release in the other slot is older than the device accepts.
  case tooOldToGoBackTo(version: String, reason: String)
  /// The image has no root of trust, or one that cannot be read.
  case noTrust(String)
  /// No trusted key has signed the bundle.
  case notTrusted(String)
  /// The operation was cancelled.
  case cancelled

  /// The reason as text, without a full stop.
  public var description: String {
    switch self {
    case .busy: "another update is in progress; see `cultivarctl update status`"
    case .oneSlotOnly: "this image has only one slot, and cannot be updated while it runs"
    case .cannotTry:
      "systemd-boot counts trials by renaming files, and this machine's firmware, U-Boot, may not be able to do that; "
        + "set `loader: u-boot` in the project file"
    case .trialPending(let version):
      "release \(version) is on trial or waits for it; `cultivarctl commit`, `rollback` or `update cancel` ends that"
    case .noTrial: "no release is on trial"
    case .trialRuns(let version):
      "release \(version) is on trial and running; `cultivarctl commit` keeps it, `cultivarctl rollback` ends it"
    case .failedBefore(let version, let reason):
      "release \(version) was tried on this device and failed: \(reason). `--force` tries it again"
    case .refusedByHook(let name, let reason): "\(name) refuses: \(reason)"
    case .otherImages(let missing): "the bundle does not contain \(missing.map { "'\($0)'" }.joined(separator: ", "))"
    case .noRoomOnBootPartition(let needed, let available):
      "the kernel and the initial RAM file system need \(needed) bytes on the boot partition, which has \(available)"
    case .nothingToGoBackTo(let slot): "slot \(slot.rawValue) has no release that can be started"
    case .tooOldToGoBackTo(let version, let reason): "cannot go back to release \(version): \(reason)"
    case .noTrust(let reason): "this image cannot verify bundles: \(reason)"
    case .notTrusted(let reason): "the bundle is not trusted: \(reason)"
    case .cancelled: "the update was cancelled"
    }
  }
}
