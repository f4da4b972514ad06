extension GPT {
  /// Partitions are aligned to this number of sectors (1 MiB).
  private static let alignment: UInt64 = 2048

  /// Returns the table for a disk of `newSize` sectors, with the partition `number` extended to the end of the disk.
  ///
  /// Nothing shrinks: if the table is for a disk of at least that size, it is returned unchanged. The partition is
  /// extended only if it is the last one on the disk.
  ///
  /// - Parameters:
  ///   - newSize: Size of the disk in sectors.
  ///   - number: Number of the partition to extend.
  public func grown(toSectors newSize: UInt64, extending number: Int) -> GPT {
    guard newSize > diskSizeInSectors else { return self }
    var grown = self
    grown.diskSizeInSectors = newSize
    let end = (grown.lastUsableLBA + 1) / Self.alignment * Self.alignment
    guard let index = grown.partitions.firstIndex(where: { $0.number == number }),
      grown.partitions.allSatisfy({ $0.firstLBA <= grown.partitions[index].firstLBA }),
      end > grown.partitions[index].lastLBA
    else { return grown }
    grown.partitions[index].lastLBA = end - 1
    return grown
  }

  /// Returns the table with new random IDs and without ``PartitionAttributes/freshImage``, if the partition `number`
  /// has that attribute; otherwise returns it unchanged.
  ///
  /// - Parameters:
  ///   - number: Number of the data partition.
  ///   - generator: Source of the random IDs.
  public func individualised(
    byMarkOn number: Int, using generator: inout some RandomNumberGenerator
  ) -> GPT {
    guard let index = partitions.firstIndex(where: { $0.number == number }),
      partitions[index].attributes.contains(.freshImage)
    else { return self }
    var own = self
    own.partitions[index].attributes.remove(.freshImage)
    own.diskGUID = .random(using: &generator)
    for index in own.partitions.indices {
      own.partitions[index].guid = .random(using: &generator)
    }
    return own
  }
}
