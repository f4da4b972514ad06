import DeviceHardware
import LinuxSystem
import PartitionTable

/// Waits for disks and partitions to appear, and loads the modules for hardware on the way to them.
final class DeviceWait {
  private let events: DeviceEvents
  private let modules: HardwareModules
  private let timeout: Int
  private let deadline: UInt64

  /// - Parameter timeout: Seconds from now, for all waits together.
  init(events: DeviceEvents, modules: HardwareModules, timeout: Int) {
    self.events = events
    self.modules = modules
    self.timeout = timeout
    deadline = EventLoop.now + UInt64(max(0, timeout)) * 1000
  }

  /// Waits for the disk that has a partition.
  ///
  /// Once it is found, handles the events that the kernel has reported so far and looks at the disks once more, to
  /// notice a second disk with the same IDs.
  ///
  /// - Throws: ``StageFailure`` if it does not appear in time, or if two disks have it.
  func bootDisk(holding partition: PartitionID) throws -> BootDisk {
    modules.loadForPresentHardware()
    _ = try wait("a disk with the boot partition \(partition)") { try BootDisk.find(partition: partition) }
    modules.loadForPresentHardware()
    handleEvents()
    return try wait("the disk with the boot partition \(partition)") { try BootDisk.find(partition: partition) }
  }

  /// Waits for the device node of a partition.
  func partition(_ number: Int, of disk: BootDisk) throws -> String {
    try wait("partition \(number) of \(disk.path)") { disk.partitionPath(number) }
  }

  private func wait<Found>(_ wanted: String, _ attempt: () throws -> Found?) throws -> Found {
    while true {
      if let found = try attempt() { return found }
      let now = EventLoop.now
      guard now < deadline else { throw StageFailure("\(wanted) did not appear within \(timeout) seconds") }
      // Some changes have no event, for example when the size of a disk becomes known late. They are noticed within a
      // second.
      if events.descriptor.waitUntilReadable(timeout: Int(min(deadline - now, 1000))) { handleEvents() }
    }
  }

  private func handleEvents() {
    while let event = events.next() { modules.handle(event) }
  }
}
