import PartitionTable

/// A disk in memory that stores only written sectors.
struct MemoryDisk {
  var sectorCount: UInt64
  private(set) var sectors: [UInt64: [UInt8]] = [:]

  init(sectorCount: UInt64) {
    self.sectorCount = sectorCount
  }

  mutating func write(_ region: DiskRegion) {
    for index in 0..<region.bytes.count / GPT.sectorSize {
      let start = index * GPT.sectorSize
      sectors[region.lba + UInt64(index)] = Array(region.bytes[start..<start + GPT.sectorSize])
    }
  }

  func read(_ lba: UInt64, _ count: Int) -> [UInt8] {
    (lba..<lba + UInt64(count)).flatMap { lba -> [UInt8] in
      guard lba < sectorCount else { return [] }
      return sectors[lba] ?? Array(repeating: 0, count: GPT.sectorSize)
    }
  }

  var reading: GPTReading {
    GPTReading(diskSizeInSectors: sectorCount, read: read)
  }
}

/// A generator whose numbers are the same in every run.
struct CountingGenerator: RandomNumberGenerator {
  var state: UInt64 = 1

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }
}

extension GPT {
  /// Returns the table of a new image with a boot, two root and one data partition.
  static func freshImage(sectors: UInt64 = 1 << 20) -> GPT {
    var generator = CountingGenerator()
    func partition(
      _ number: Int, _ type: PartitionType, _ range: ClosedRange<UInt64>, _ name: String,
      _ attributes: PartitionAttributes = []
    ) -> Partition {
      Partition(
        number: number, type: type, guid: .random(using: &generator), firstLBA: range.lowerBound,
        lastLBA: range.upperBound, attributes: attributes, name: name)
    }
    let diskGUID = GUID.random(using: &generator)
    return GPT(
      diskGUID: diskGUID,
      partitions: [
        partition(1, .efiSystem, 2048...133_119, "boot"),
        partition(2, .linuxRootX86_64, 133_120...264_191, "root-a"),
        partition(3, .linuxRootX86_64, 264_192...395_263, "root-b"),
        partition(4, .linuxData, 395_264...526_335, "data", .freshImage),
      ],
      diskSizeInSectors: sectors)
  }
}
