import DeviceModel
import LinuxSystem
import PartitionTable

/// Prepares the boot disk's partition table before anything on the disk is mounted.
struct DiskPreparation {
  let disk: BootDisk
  let dataPartition: Int
  let note: (String) -> Void

  /// Repairs the table. At the first boot, also gives the disk new GUIDs and extends the data partition to the end of
  /// the disk.
  ///
  /// - Throws: ``StageFailure`` or ``SystemError`` if the table cannot be used or written.
  func run() throws {
    let device = try BlockDevice(disk.path, writable: true)
    let reading = try GPTReading(diskSizeInSectors: device.sectorCount, read: device.read)
    let current = try reading.table()
    try Self.check(disk.path, sectors: device.sectorCount, for: current)
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
    if table.diskGUID != current.diskGUID { note("first boot: \(disk.path) gets its own IDs") }
    if table.diskSizeInSectors != current.diskSizeInSectors {
      note("extending the data partition of \(disk.path) to the end of the disk")
    }
    // Each step is on the disk before the next one begins. GPTUpdate describes the state after a power cut at each
    // step.
    for step in update.steps {
      for region in step.regions { try device.write(region.bytes, at: region.lba) }
      try device.synchronise()
    }
    try tellKernel(device, table: table, before: current)
  }

  /// Checks that the disk is as large as its partition table says. If the image was cut off at the end of the disk, the
  /// end of the data partition is missing.
  static func check(_ path: String, sectors: UInt64, for table: GPT) throws(StageFailure) {
    guard sectors < table.diskSizeInSectors else { return }
    let size = UInt64(BlockDevice.sectorSize)
    throw StageFailure(
      "\(path) has \(sectors * size) bytes, but the image written to it needs \(table.diskSizeInSectors * size): "
        + "use a larger disk, or build the image with smaller partitions (`layout`)")
  }

  private func tellKernel(_ device: BlockDevice, table: GPT, before: GPT) throws {
    do {
      try device.rereadPartitions()
    } catch {
      // Something holds a partition open, for example a probe. This boot depends only on the length of the data
      // partition.
      note("\(error)")
      guard let data = table.partition(number: dataPartition),
        data.lastLBA != before.partition(number: dataPartition)?.lastLBA
      else { return }
      try device.resizePartition(dataPartition, firstLBA: data.firstLBA, sectorCount: data.sectorCount)
    }
  }
}
