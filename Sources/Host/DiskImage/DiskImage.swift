import BootFlow
import DeviceModel
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import PartitionTable

/// A disk image: a partition table and the contents of partitions, written to one sparse file.
public struct DiskImage: Sendable {
  public var table: DiskTable
  /// Boot code for the first sector.
  var bootCode: [UInt8] = []
  /// Contents of partitions, by number.
  var contents: [Int: Content] = [:]

  enum Content: Sendable {
    case file(URL, UsedBytes)
    case bytes([UInt8])
  }

  /// Makes an image with empty partitions.
  public init(table: DiskTable) {
    self.table = table
  }

  /// Size of the disk in bytes.
  public var size: Int64 {
    let sectors =
      switch table {
      case .gpt(let table): table.diskSizeInSectors
      case .mbr(let table): table.endLBA
      }
    return Int64(sectors) * Int64(GPT.sectorSize)
  }

  /// The sectors of the partition table.
  private func regions() throws -> [DiskRegion] {
    switch table {
    case .gpt(let table): try table.serialised(bootCode: bootCode).regions
    case .mbr(let table): try table.records(bootCode: bootCode)
    }
  }

  /// Fills a partition with a file.
  ///
  /// - Parameter used: Kind of the content. It determines the used bytes for the block map.
  /// - Throws: ``DoesNotFit`` if the file is longer than the partition.
  public mutating func fill(
    _ number: Int, with file: URL, used: UsedBytes = .all, called content: String, key: String
  ) throws {
    guard let partition = table.extent(number: number) else { return }
    try DoesNotFit.check(
      content, ByteSize(bytes: try FolderTree.fileSize(file.path)),
      ByteSize(bytes: Int64(partition.sectorCount) * Int64(GPT.sectorSize)), "its partition", key: key)
    contents[number] = .file(file, used)
  }

  /// Adds GRUB, so that a BIOS can start the image.
  ///
  /// - Throws: ``DoesNotFit``, `FileFailure`.
  public mutating func add(_ grub: BootLoaderFiles.GrubForBIOS) throws {
    guard case .gpt(let table) = table, let partition = table.partitions.first(where: { $0.type == .biosBoot })
    else { return }
    let core = try FolderTree.readFile(grub.core.path)
    // An update writes the next core image into the other half.
    try DoesNotFit.check(
      "GRUB's core image", ByteSize(bytes: Int64(core.count)),
      ByteSize(bytes: Int64(partition.sectorCount / 2) * Int64(GPT.sectorSize)), "half of the BIOS boot partition",
      key: "boot")
    let code = GrubBootCode(
      bootSector: try FolderTree.readFile(grub.bootSector.path), core: core, firstLBA: partition.firstLBA)
    bootCode = code.bootCode
    contents[partition.number] = .bytes(code.core)
  }

  /// Writes the image to a file. Blocks of zeros become holes.
  ///
  /// The file gets its name when it is complete. Until then, an older file of this name stays.
  ///
  /// - Throws: `FileFailure`, `GPTError`, `MBRError`.
  public func write(to path: String) throws {
    let temporary = "\(path).\(getpid()).new"
    defer { unlink(temporary) }
    try SparseFile.create(temporary, size: size)
    let descriptor = open(temporary, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure.last("write", temporary) }
    defer { close(descriptor) }
    let target = (descriptor: descriptor, path: temporary)
    for (number, content) in contents.sorted(by: { $0.key < $1.key }) {
      guard let partition = table.extent(number: number) else { continue }
      let offset = Int64(partition.firstLBA) * Int64(GPT.sectorSize)
      switch content {
      case .file(let file, _): try SparseFile.copy(file.path, into: target, at: offset)
      case .bytes(let bytes): try write(bytes, to: target, at: offset)
      }
    }
    for region in try regions() {
      try write(region.bytes, to: target, at: Int64(region.lba) * Int64(GPT.sectorSize))
    }
    // After a power cut, a file with the image's name must be complete.
    guard fsync(descriptor) == 0 else { throw FileFailure.last("write", temporary) }
    guard rename(temporary, path) == 0 else { throw FileFailure.last("write", path) }
  }

  /// Computes the hash of the image from its sources, which is possible while ``write(to:)`` runs.
  ///
  /// - Throws: `FileFailure`, `GPTError`, `MBRError`.
  public func contentHash() throws -> Digest {
    let sector = Int64(GPT.sectorSize)
    var parts = try regions().map {
      (offset: Int64($0.lba) * sector, content: Content.bytes($0.bytes))
    }
    for (number, content) in contents {
      guard let partition = table.extent(number: number) else { continue }
      parts.append((Int64(partition.firstLBA) * sector, content))
    }
    var hasher = DigestStream()
    var position: Int64 = 0
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    func skip(to offset: Int64) {
      while position < offset {
        let count = min(Int64(zeros.count), offset - position)
        zeros.withUnsafeBytes { hasher.add(UnsafeRawBufferPointer(rebasing: $0[0..<Int(count)])) }
        position += count
      }
    }
    for (offset, content) in parts.sorted(by: { $0.offset < $1.offset }) {
      skip(to: offset)
      switch content {
      case .bytes(let bytes):
        bytes.withUnsafeBytes { hasher.add($0) }
        position += Int64(bytes.count)
      case .file(let file, _):
        let source = try ImageFile(reading: file.path)
        for range in source.dataRanges {
          skip(to: offset + range.lowerBound)
          try source.forEachPiece(of: range) { piece, _ in hasher.add(UnsafeRawBufferPointer(piece)) }
          position = offset + range.upperBound
        }
        skip(to: offset + source.size)
      }
    }
    skip(to: size)
    return hasher.digest
  }

  /// The blocks of the image that a device must have. The content of all other blocks does not matter.
  ///
  /// They include more than the blocks with non-zero bytes. Zeros in a file or in a file system's tables matter
  /// too, because the medium may have other content at their place.
  ///
  /// - Throws: `FileFailure`.
  public func usedBlocks() throws -> BlockRanges {
    let sector = Int64(GPT.sectorSize)
    let first = table.extents.map { Int64($0.firstLBA) * sector }.min() ?? size
    let end = table.extents.map { Int64($0.endLBA) * sector }.max() ?? 0
    // Both partition tables and the space around them, and the records of logical partitions.
    var used = [0..<first, min(end, size)..<size]
    used += try regions().map { Int64($0.lba) * sector..<Int64($0.lba) * sector + Int64($0.bytes.count) }
    for (number, content) in contents {
      guard let partition = table.extent(number: number) else { continue }
      let offset = Int64(partition.firstLBA) * sector
      let ranges =
        switch content {
        case .file(let file, let kind): try kind.ranges(in: file.path)
        case .bytes(let bytes): [0..<Int64(bytes.count)]
        }
      used += ranges.map { $0.lowerBound + offset..<$0.upperBound + offset }
    }
    return BlockRanges(bytes: used)
  }

  /// Hash of everything that the image is written from. Files are in the cache, where the path identifies the content.
  ///
  /// - Throws: `GPTError`, `MBRError`.
  public func identity() throws -> Digest {
    var key = CacheKey("disk-image 1")
    for region in try regions() { key.add(Digest(of: region.bytes)) }
    for (number, content) in contents.sorted(by: { $0.key < $1.key }) {
      key.add("\(number)")
      switch content {
      case .file(let file, _): key.add(file.path)
      case .bytes(let bytes): key.add(Digest(of: bytes))
      }
    }
    return key.hash
  }

  private func write(
    _ bytes: [UInt8], to target: (descriptor: Int32, path: String), at offset: Int64
  ) throws(FileFailure) {
    var failure: FileFailure?
    bytes.withUnsafeBytes { buffer in
      do throws(FileFailure) {
        try SparseFile.writeAll(target, buffer, at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
