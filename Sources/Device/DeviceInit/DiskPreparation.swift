import DeviceModel
import LinuxSystem
import PartitionTable

/// Prepares the boot disk's partition table before anything on the disk is mounted.
struct DiskPreparation {
  let disk: BootDisk
  let dataPartition: Int
  let note: (String) -> Void

  /// Repairs the table. At the first boot, also gives the disk new IDs and extends the data partition to the end of the
  /// disk.
  ///
  /// - Throws: ``StageFailure`` or ``SystemError`` if the table cannot be used or written.
  func run() throws {
    let device = try BlockDevice(disk.path, writable: true)
    switch try DiskTableReading(diskSizeInSectors: device.sectorCount, read: device.read) {
    case .gpt(let reading): try run(reading, on: device)
    case .mbr(let record): try run(record, on: device)
    }
  }

  private func run(_ reading: GPTReading, on device: BlockDevice) throws {
    let current = try reading.table()
    try Self.check(disk.path, sectors: device.sectorCount, needed: current.diskSizeInSectors)
    var generator = SystemRandomNumberGenerator()
    let table =
      current
      .individualised(byMarkOn: dataPartition, using: &generator)
      .grown(toSectors: device.sectorCount, extending: dataPartition)
    let bootCode = Array(try device.read(0, 1).prefix(440))
    let update = try GPTUpdate(to: table, from: reading, bootCode: bootCode)
    guard !update.steps.isEmpty else { return }

    if case .failure(let reason) = reading.primary {
      note("the partition table of \(disk.path) is damaged (\(reason)): repairing it from its backup")
    }
    if table.diskGUID != current.diskGUID { noteFirstBoot() }
    if table.diskSizeInSectors != current.diskSizeInSectors { noteGrowth() }
    // Each step is on the disk before the next one begins. GPTUpdate describes the state after a power cut at each
    // step.
    for step in update.steps { try write(step.regions, to: device) }
    try tellKernel(device, table: .gpt(table), before: .gpt(current))
  }

  /// A master boot record has no copy and does not know the size of its disk, so there is nothing to repair.
  private func run(_ current: MasterBootRecord, on device: BlockDevice) throws {
    try Self.check(disk.path, sectors: device.sectorCount, needed: current.endLBA)
    var generator = SystemRandomNumberGenerator()
    let table =
      current
      .individualised(using: &generator)
      .grown(toSectors: device.sectorCount, extending: dataPartition)
    guard table != current else { return }
    let bootCode = Array(try device.read(0, 1).prefix(440))
    let steps: [DiskRegion]
    do throws(MBRError) {
      steps = try current.steps(to: table, bootCode: bootCode)
    } catch {
      // A table of another tool, which this one does not write. The device starts with it as it is.
      return note("the partition table of \(disk.path) stays unchanged: \(error)")
    }
    guard !steps.isEmpty else { return }
    if table.diskSignature != current.diskSignature { noteFirstBoot() }
    if table.endLBA != current.endLBA { noteGrowth() }
    // MasterBootRecord.steps describes the state after a power cut at each write.
    for region in steps { try write([region], to: device) }
    try tellKernel(device, table: .mbr(table), before: .mbr(current))
  }

  private func noteFirstBoot() { note("first boot: \(disk.path) gets its own IDs") }

  private func noteGrowth() { note("extending the data partition of \(disk.path) to the end of the disk") }

  private func write(_ regions: [DiskRegion], to device: BlockDevice) throws {
    for region in regions { try device.write(region.bytes, at: region.lba) }
    try device.synchronise()
  }

  /// Checks that the disk is as large as its partition table says. If the image was cut off at the end of the disk, the
  /// end of the data partition is missing.
  static func check(_ path: String, sectors: UInt64, needed: UInt64) throws(StageFailure) {
    guard sectors < needed else { return }
    let size = UInt64(BlockDevice.sectorSize)
    throw StageFailure(
      "\(path) has \(sectors * size) bytes, but the image written to it needs \(needed * size): "
        + "use a larger disk, or build the image with smaller partitions (`layout`)")
  }

  private func tellKernel(_ device: BlockDevice, table: DiskTable, before: DiskTable) throws {
    do {
      try device.rereadPartitions()
    } catch {
      // Something holds a partition open, for example a probe. This boot depends only on the length of the data
      // partition.
      note("\(error)")
      guard let data = table.extent(number: dataPartition), data != before.extent(number: dataPartition)
      else { return }
      try device.resizePartition(dataPartition, firstLBA: data.firstLBA, sectorCount: data.sectorCount)
    }
  }
}
