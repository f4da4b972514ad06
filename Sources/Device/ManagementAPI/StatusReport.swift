import DeviceModel
import DeviceRecords
import Glibc
import InitClient
import LinuxSystem

/// Makes the status of the device.
public struct StatusReport: Sendable {
  private let source: Source

  /// The source of the status of programs or units.
  private enum Source: Sendable {
    /// The supervisor of an appliance, by the path of its socket.
    case supervisor(String)
    /// systemd, with the image's identity from the update plan.
    case systemd(ImageIdentity)
  }

  /// Makes a report that asks the supervisor at `socketPath` about the programs.
  public init(socketPath: String = DevicePaths.controlSocket) {
    source = .supervisor(socketPath)
  }

  /// Makes a report that asks systemd about the units.
  public init(system image: ImageIdentity) {
    source = .systemd(image)
  }

  /// Returns the current status.
  ///
  /// - Throws: ``ControlClient/Failure`` if the supervisor does not answer.
  public func make() throws(ControlClient.Failure) -> DeviceStatus {
    switch source {
    case .systemd(let image):
      return status(of: image, [], Systemd.state())
    case .supervisor(let path):
      guard case .status(let supervisor) = try ControlClient(path: path).ask(.status) else { throw .unreadable }
      return status(of: supervisor.image, supervisor.programs, nil)
    }
  }

  private func status(
    of image: ImageIdentity, _ programs: [ProgramStatus], _ system: SystemState?
  ) -> DeviceStatus {
    DeviceStatus(
      image: image,
      hostname: FileTree.line("/proc/sys/kernel/hostname") ?? "",
      machineID: FileTree.line("/etc/machine-id"),
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
      programs: programs,
      system: system)
  }

  /// The main memory according to `/proc/meminfo`.
  private static var memory: DeviceStatus.Space {
    var values: [Substring: UInt64] = [:]
    for line in (FileTree.line("/proc/meminfo") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 2, let kibibytes = UInt64(words[1]) { values[words[0]] = kibibytes * 1024 }
    }
    return DeviceStatus.Space(total: values["MemTotal:"] ?? 0, available: values["MemAvailable:"] ?? 0)
  }
}
