import HostSystem
import PartitionTable

/// The ids of a disk and all that is on it, derived from names so that every build gives the same.
///
/// They are the same on every disk that is written from one image; the device gives itself new ones on first boot.
public struct DiskIdentity: Sendable, Equatable {
  private let seed: String

  /// Derives ids from the names of project and image.
  public init(project: String, image: String) {
    seed = "cultivar disk \(project) \(image)"
  }

  /// Id of the disk.
  public var disk: GUID { derived("disk") }

  /// Id of a partition, by the partition's name.
  public func partition(_ name: String) -> GUID { derived("partition \(name)") }

  /// Id of a file system, by the partition's name.
  public func fileSystem(_ name: String) -> GUID { derived("file system \(name)") }

  /// Serial number of the FAT file system.
  public var fatSerial: UInt32 {
    ContentHash(of: "\(seed) fat").bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func derived(_ purpose: String) -> GUID {
    // 16 bytes of a SHA-256 are always there.
    GUID(customBytes: ContentHash(of: "\(seed) \(purpose)").bytes.prefix(16)) ?? .zero
  }
}
