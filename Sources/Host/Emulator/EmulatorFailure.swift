import FoundationEssentials
import HostSystem

/// An image cannot be run in QEMU.
public enum EmulatorFailure: ExplainedError {
  /// QEMU for the architecture is not installed.
  case noEmulator(HostProgram)
  /// The firmware is not installed.
  case noFirmware(VirtualMachine.Firmware, Architecture, places: [String])
  /// Images of the architecture do not support the firmware.
  case noSuchMachine(VirtualMachine.Firmware, Architecture)
  /// The disk lacks the files that the firmware of its board starts.
  case noBoardFiles(URL, reason: String)
  /// The machine ended before the expected output.
  case ended(console: String)
  /// The expected output did not appear in time.
  case timedOut(waitingFor: String, seconds: Int, console: String)
  /// The control socket does not work.
  case noControl(String)

  public var problem: String {
    switch self {
    case .noEmulator(let program): "cannot run the image: \(MissingPrograms([program]).problem)"
    case .noSuchMachine(let firmware, let architecture):
      "cannot run the image with \(firmware.title): images for \(architecture.title) do not support it"
    case .noFirmware(let firmware, _, let places):
      "cannot run the image with \(firmware.title): there is no firmware at \(places.joined(separator: ", "))"
    case .noBoardFiles(let disk, let reason): "\(disk.lastPathComponent) cannot start a Raspberry Pi: \(reason)"
    case .ended(let console): "the machine ended too early\n\(Self.tail(console))"
    case .timedOut(let text, let seconds, let console):
      "timed out after \(seconds) s, waiting for '\(text)'\n\(Self.tail(console))"
    case .noControl(let reason): "cannot control the machine: \(reason)"
    }
  }

  public var remedy: String? {
    switch self {
    case .noEmulator(let program): MissingPrograms([program]).remedy
    case .noFirmware(.uBoot, _, _): "install the Debian package u-boot-qemu"
    case .noFirmware(_, .amd64, _): "install the Debian package ovmf, or use BIOS: --firmware bios"
    case .noFirmware(_, .arm64, _): "install the Debian package qemu-efi-aarch64"
    case .noBoardFiles: "build the image for a Raspberry Pi, or choose another firmware with --firmware"
    case .noSuchMachine: "use UEFI: --firmware uefi"
    case .ended, .timedOut, .noControl: nil
    }
  }

  private static func tail(_ console: String) -> String {
    console.split(separator: "\n").suffix(25).map { "  | \($0)" }.joined(separator: "\n")
  }
}
