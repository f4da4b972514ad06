import DebianArchive
import FoundationEssentials
import Glibc
import Hashing
import HostSystem

/// The formats of a disk image in addition to the raw image.
public enum DiskFormat: String, Sendable, CaseIterable {
  /// A block map (bmap-tools) for writing to a medium.
  case blockMap = "bmap"
  /// The raw image, compressed with Zstandard.
  case zstd
  /// The raw image, compressed with XZ.
  case xz
  /// An image for QEMU.
  case qcow2
  /// An image for fastboot.
  case androidSparse = "android-sparse"

  /// Name of the file beside a raw image.
  ///
  /// - Parameter image: Name of the image, without an extension.
  public func fileName(image: String) -> String {
    switch self {
    case .blockMap: "\(image).img.bmap"
    case .zstd: "\(image).img.zst"
    case .xz: "\(image).img.xz"
    case .qcow2: "\(image).qcow2"
    case .androidSparse: "\(image).simg"
    }
  }

  /// A cache key. The same key gives the same bytes.
  public func key(disk: Digest, tools: ToolTree) -> Digest {
    var key = CacheKey("disk-format \(rawValue) 1")
    key.add(disk)
    if self == .zstd || self == .xz { key.add(tools.identity) }
    return key.hash
  }

  /// - Parameters:
  ///   - disk: The disk from which the raw image was written.
  ///   - image: Path of the raw image.
  ///   - path: Path of the file. It must not be the final name of an artefact, because the file appears before it is
  ///     complete.
  ///   - tools: The compressors.
  /// - Throws: `FileFailure`, `CommandFailure`.
  public func write(_ disk: DiskImage, image: String, to path: String, tools: ToolTree) async throws {
    switch self {
    case .blockMap:
      try FolderTree.replaceFile(path, with: BlockMap(of: image, used: disk.usedBlocks()).text.utf8)
    case .qcow2: try Qcow2Image.write(image, to: path)
    case .androidSparse: try AndroidSparseImage.write(image, used: disk.usedBlocks(), to: path)
    case .zstd:
      // The size of zstd's jobs depends only on the level, so the bytes do not depend on the number of processors.
      try await tools.command(
        "zstd", ["-q", "-f", "-12", "-T0", image, "-o", path], to: "compress the disk image by Zstandard"
      ).run()
    case .xz: try await compressByXZ(image, to: path, tools: tools)
    }
  }

  private func compressByXZ(_ image: String, to path: String, tools: ToolTree) async throws {
    // xz derives the name of its output from its input, so the input gets a temporary name in the same folder.
    let input = "\(path).raw"
    let output = "\(input).xz"
    unlink(input)
    defer {
      unlink(input)
      unlink(output)
    }
    guard link(image, input) == 0 else { throw FileFailure.last("make the link", input) }
    // Use blocks of a fixed size and at least two threads: with one thread, xz would write a single block.
    let threads = max(2, min(8, ProcessInfo.processInfo.activeProcessorCount))
    try await tools.command(
      "xz", ["-q", "-f", "-k", "-3", "--check=sha256", "--block-size=16MiB", "-T\(threads)", input],
      to: "compress the disk image by XZ"
    ).run()
    guard rename(output, path) == 0 else { throw FileFailure.last("write", path) }
  }
}

extension DiskImage {
  /// Writes a partition as an Android sparse image.
  ///
  /// - Parameters:
  ///   - partition: Bytes of the partition on the disk.
  ///   - image: Path of the raw image that was written from this disk.
  ///   - path: Path of the file to write.
  /// - Throws: `FileFailure`.
  public func writeSparse(_ partition: Range<Int64>, of image: String, to path: String) throws {
    try AndroidSparseImage.write(image, part: partition, used: usedBlocks(), to: path)
  }
}
