import DeviceModel
import DiskImage
import HostSystem

/// An error before or during the writing of an image to a disk.
public enum FlashFailure: ExplainedError, Equatable {
  /// There is no disk at this path.
  case noDisk(String)
  /// The path is that of a partition.
  case partition(String, disk: String)
  /// The disk is in use.
  case inUse(String, uses: [String])
  /// The disk is neither removable nor on USB.
  case fixed(String)
  /// The image is larger than the disk.
  case tooSmall(String, size: ByteSize, image: ByteSize)
  /// The disk's sectors do not have 512 bytes.
  case sectors(String, size: Int)
  /// The image does not match its block map.
  case imageChanged(String)
  /// The data that was read back differs from the written data.
  case damaged(String, offset: Int64)
  /// There is no terminal to ask for confirmation.
  case notConfirmed
  /// The image has no boot partition for the values.
  case noBootPartition(String)
  /// A value for the first boot is not acceptable.
  case value(String)

  public var problem: String {
    switch self {
    case .noDisk(let path): "\(path) is not a disk"
    case .partition(let path, _): "\(path) is a partition, but an image needs a whole disk"
    case .inUse(let path, let uses): "\(path) is in use: \(uses.joined(separator: ", "))"
    case .fixed(let path): "\(path) is neither removable nor on USB"
    case .tooSmall(let path, let size, let image): "\(path) is too small: it has \(size), and the image needs \(image)"
    case .sectors(let path, let size):
      "\(path) has sectors of \(size) bytes, but the image's partition table needs sectors of 512 bytes: "
        + "firmware would not find it"
    case .imageChanged(let path): "\(path) does not match its block map"
    case .damaged(let path, let offset):
      "the data read back from \(path) differs from the written data at byte \(offset)"
    case .notConfirmed: "nothing was written: it was not confirmed"
    case .noBootPartition(let path): "\(path) has no boot partition to write the values to"
    case .value(let reason): "a value for the first boot is not valid: \(reason)"
    }
  }

  public var remedy: String? {
    switch self {
    case .noDisk:
      "`cultivar flash` without a device lists the removable disks; to write to a file, create it first: "
        + "`truncate -s 4G FILE`"
    case .partition(_, let disk): "give the disk instead: \(disk)"
    case .inUse: "if it is the correct disk, unmount it first"
    case .fixed: "if it is the correct disk, give --fixed-disk"
    case .tooSmall: "nothing was written; use a larger disk"
    case .sectors:
      "nothing was written; use another disk, or one that can be switched to 512 bytes (`nvme format --lbaf`)"
    case .imageChanged: "build the image again; the disk does not boot now"
    case .damaged: "the disk loses data; use another disk"
    case .notConfirmed: "answer y to the question on a terminal, or give --yes"
    case .noBootPartition, .value: nil
    }
  }
}
