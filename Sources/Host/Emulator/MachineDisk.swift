import FoundationEssentials
import Glibc
import HostSystem

/// A copy of an image for a machine to write to.
public enum MachineDisk {
  /// Copies an image, and enlarges the copy to the size of a device's disk. Sparse ranges stay sparse.
  ///
  /// - Parameter size: Size of the disk in bytes. A larger image keeps its size.
  /// - Throws: `CommandFailure`, `FileFailure`.
  public static func copy(_ image: URL, to disk: URL, size: Int64) async throws {
    try FolderTree.create(disk.deletingLastPathComponent().path)
    FolderTree.remove(disk.path)
    try await HostCommand(
      .copy, ["--sparse=always", "--reflink=auto", "--", image.path, disk.path], to: "copy the image for the machine"
    ).run()
    var status = stat()
    guard stat(disk.path, &status) == 0 else { throw FileFailure.last("read", disk.path) }
    if Int64(status.st_size) < size, truncate(disk.path, off_t(size)) != 0 {
      throw FileFailure.last("enlarge", disk.path)
    }
  }
}
