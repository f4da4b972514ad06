import DeviceControl
import DeviceInit
import DeviceModel
import DeviceRecords
import Glibc
import LinuxSystem

/// Puts together what the device says about itself.
public struct StatusReport: Sendable {
  private let socketPath: String

  /// Makes a report that asks the supervisor at `socketPath` about the programs.
  public init(socketPath: String = DevicePaths.controlSocket) {
    self.socketPath = socketPath
  }

  /// The status of the moment.
  ///
  /// - Throws: ``ControlClient/Failure`` where the supervisor does not answer.
  public func make() throws(ControlClient.Failure) -> DeviceStatus {
    guard case .status(let supervisor) = try ControlClient(path: socketPath).ask(.status) else {
      throw .unreadable
    }
    return DeviceStatus(
      image: supervisor.image,
      hostname: FileTree.line("/proc/sys/kernel/hostname") ?? "",
      machineID: FileTree.line("/run/machine-id"),
      slot: KernelCommandLine.running.slot,
      kernel: Kernel.release,
      uptime: Kernel.uptime,
      time: Clock.text(seconds: Clock.seconds),
      clockSynchronised: Clock.isSynchronised,
      addresses: NetworkState.addresses().filter { !$0.isLoopback }.map {
        DeviceStatus.InterfaceAddress(interface: $0.interface, address: "\($0.address)/\($0.prefixLength)")
      },
      memory: Self.memory,
      data: Mount.isMountPoint(DevicePaths.data)
        ? Mount.space(at: DevicePaths.data).map { DeviceStatus.Space(total: $0.total, available: $0.available) } : nil,
      failures: FailureLog(in: DevicePaths.records).records,
      programs: supervisor.programs)
  }

  /// Main memory by `/proc/meminfo`.
  private static var memory: DeviceStatus.Space {
    var values: [Substring: UInt64] = [:]
    for line in (FileTree.line("/proc/meminfo") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 2, let kibibytes = UInt64(words[1]) { values[words[0]] = kibibytes * 1024 }
    }
    return DeviceStatus.Space(total: values["MemTotal:"] ?? 0, available: values["MemAvailable:"] ?? 0)
  }
}
