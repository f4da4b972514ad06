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
    case .noDisk(let path): "\(path) is no disk"
    case .partition(let path, _): "\(path) is a partition, and an image is a whole disk"
    case .inUse(let path, let uses): "\(path) is in use: \(uses.joined(separator: ", "))"
    case .fixed(let path): "\(path) is neither removable nor on USB"
    case .tooSmall(let path, let size, let image): "\(path) is too small: it has \(size), and the image takes \(image)"
    case .sectors(let path, let size):
      "\(path) has sectors of \(size) bytes, and the image's partition table is for sectors of 512: "
        + "no firmware would find it"
    case .imageChanged(let path): "\(path) is not the image that its block map was made of"
    case .damaged(let path, let offset): "what was written to \(path) reads differently at byte \(offset)"
    case .notConfirmed: "nothing was written: nobody confirmed it"
    case .noBootPartition(let path): "\(path) has no boot partition to write the values to"
    case .value(let reason): "a value for the first start cannot be taken: \(reason)"
    }
  }

  public var remedy: String? {
    switch self {
    case .noDisk:
      "`cultivar flash` without a device lists those that can be written; for a file, make it first: `truncate -s 4G FILE`"
    case .partition(_, let disk): "name the disk: \(disk)"
    case .inUse: "if it is the right one, unmount it first"
    case .fixed: "if it is the right one, say so with --fixed-disk"
    case .tooSmall: "nothing was written; take a larger one"
    case .sectors:
      "nothing was written; take another disk, or one that can be switched to 512 bytes (`nvme format --lbaf`)"
    case .imageChanged: "build the image again; what is on the device now does not start"
    case .damaged: "the device loses data; take another one"
    case .notConfirmed: "on a terminal it is asked; elsewhere, give --yes"
    case .noBootPartition, .value: nil
    }
  }
}
