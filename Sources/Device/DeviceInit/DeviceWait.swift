import DeviceHardware
import LinuxSystem
import PartitionTable

/// Waiting for disks and partitions to appear, and loading modules for what appears on the way to them.
final class DeviceWait {
  private let events: DeviceEvents
  private let modules: HardwareModules
  private let timeout: Int
  private let deadline: UInt64

  /// - Parameter timeout: seconds, counted from now for everything that is waited for.
  init(events: DeviceEvents, modules: HardwareModules, timeout: Int) {
    self.events = events
    self.modules = modules
    self.timeout = timeout
    deadline = EventLoop.now + UInt64(max(0, timeout)) * 1000
  }

  /// The disk with the partition.
  ///
  /// Once it is found, what the kernel has reported until then is dealt with and the disks are looked at once more: a second
  /// disk with the same ids has to be noticed.
  ///
  /// - Throws: ``StageFailure`` where it does not appear in time, or two have it.
  func bootDisk(holding partition: GUID) throws -> BootDisk {
    modules.loadForPresentHardware()
    _ = try wait("a disk with the boot partition \(partition)") { try BootDisk.find(partition: partition) }
    modules.loadForPresentHardware()
    handleEvents()
    return try wait("the disk with the boot partition \(partition)") { try BootDisk.find(partition: partition) }
  }

  /// The device node of a partition.
  func partition(_ number: Int, of disk: BootDisk) throws -> String {
    try wait("partition \(number) of \(disk.path)") { disk.partitionPath(number) }
  }

  private func wait<Found>(_ wanted: String, _ attempt: () throws -> Found?) throws -> Found {
    while true {
      if let found = try attempt() { return found }
      let now = EventLoop.now
      guard now < deadline else { throw StageFailure("\(wanted) did not appear within \(timeout) seconds") }
      // A device without an event of its own, for example a disk whose size becomes known late, is seen at the next second.
      if events.descriptor.waitUntilReadable(timeout: Int(min(deadline - now, 1000))) { handleEvents() }
    }
  }

  private func handleEvents() {
    while let event = events.next() { modules.handle(event) }
  }
}
