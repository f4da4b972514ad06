import Hashing
import HostSystem
import PartitionTable

/// The ids of a disk and its partitions and file systems. They are derived from names, so that every build gives the
/// same ids.
///
/// All disks written from one image have the same ids. A device changes its ids on first boot.
public struct DiskIdentity: Sendable, Equatable {
  private let seed: String

  /// Derives ids from the names of project and image.
  public init(project: String, image: String) {
    seed = "cultivar disk \(project) \(image)"
  }

  public var disk: GUID { derived("disk") }

  /// Signature of a disk with a master boot record. It is not zero, which would mean that there is none.
  public var diskSignature: UInt32 {
    max(1, Digest(of: "\(seed) signature").bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
  }

  /// Id of a partition, derived from the partition's name.
  public func partition(_ name: String) -> GUID { derived("partition \(name)") }

  /// UUID of a file system, derived from the partition's name.
  public func fileSystem(_ name: String) -> GUID { derived("file system \(name)") }

  /// Serial number of the FAT file system.
  public var fatSerial: UInt32 {
    Digest(of: "\(seed) fat").bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Serial number of the FAT file system of a slot's own boot partition.
  public var slotSerial: UInt32 {
    Digest(of: "\(seed) fat of slots").bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func derived(_ purpose: String) -> GUID {
    // Cannot fail: a SHA-256 has more than 16 bytes.
    GUID(customBytes: Digest(of: "\(seed) \(purpose)").bytes.prefix(16)) ?? .zero
  }
}
