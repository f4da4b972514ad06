extension GPT {
  /// Sectors of 1 MiB, to which partitions are aligned.
  private static let alignment: UInt64 = 2048

  /// The table for a disk of `newSize` sectors, with the partition `number` reaching to its end.
  ///
  /// A table for a disk of that size or more is returned as it is: nothing ever shrinks. The partition is
  /// extended only if it is the last on the disk.
  ///
  /// - Parameters:
  ///   - newSize: size of the disk in sectors.
  ///   - number: the partition that takes the new space.
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

  /// The table with ids of its own if the partition `number` carries ``PartitionAttributes/freshImage``, and
  /// without that mark; otherwise as it is.
  ///
  /// - Parameters:
  ///   - number: the data partition.
  ///   - generator: where the ids come from.
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
