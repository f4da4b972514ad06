import CLinuxSystem
import Glibc

/// A hardware timer that resets the machine unless it is fed in time.
public final class Watchdog {
  private let device: Descriptor

  /// True on a machine whose watchdog must not be armed. QEMU's Raspberry Pi has the registers of the watchdog without
  /// its counter, and resets the machine as soon as it is armed. The host's emulator marks such a machine by its model.
  public static let resetsAtOnce =
    (try? FileTree.read("/proc/device-tree/model", limit: 256))?.starts(with: "QEMU".utf8) ?? false

  /// Opens and arms the watchdog; `nil` if the machine has none that can be armed.
  ///
  /// - Parameters:
  ///   - path: Path of the device node.
  ///   - timeout: Seconds without feeding after which the watchdog resets the machine.
  public init?(_ path: String = "/dev/watchdog0", timeout: Int) {
    guard !Self.resetsAtOnce, let device = try? Descriptor(opening: path, O_WRONLY) else { return nil }
    self.device = device
    // A watchdog with a fixed timeout keeps it. It is fed often enough for any timeout.
    _ = cultivar_watchdog_set_timeout(device.number, Int32(timeout))
  }

  /// True if this watchdog caused the last restart, as far as its driver reports this.
  public var hasReset: Bool { cultivar_watchdog_has_reset(device.number) }

  /// Restarts the timer.
  public func feed() {
    _ = cultivar_watchdog_feed(device.number)
  }

  /// Disarms the watchdog, so that it does not reset a machine that is powering off.
  public func disarm() {
    // The "magic close": the driver stops the timer only if "V" was the last byte written.
    _ = try? device.write(some: ArraySlice("V".utf8))
  }
}

/// The power button, as an input device.
public struct PowerButton {
  /// A descriptor that is readable while an event is pending.
  public let descriptor: Descriptor

  /// Opens the input device if it has a power key.
  ///
  /// - Parameter path: A node `/dev/input/event…`.
  public init?(_ path: String) {
    guard let descriptor = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK),
      cultivar_input_has_key(descriptor.number, cultivar_key_power)
    else { return nil }
    self.descriptor = descriptor
  }

  /// Reads the pending events. True if the power key was pressed; `nil` if the device is gone.
  public func takePresses() -> Bool? {
    // struct input_event: a time of two longs, then type and code (16 bits each) and value (32 bits).
    let size = 2 * MemoryLayout<Int>.size + 8
    guard let events = try? descriptor.read(atMost: 64 * size) ?? [] else { return nil }
    return stride(from: 0, to: events.count / size * size, by: size).contains { start in
      let fields = events[(start + size - 8)..<(start + size)].map(Int.init)
      return fields[0] | fields[1] << 8 == Int(cultivar_event_type_key)
        && fields[2] | fields[3] << 8 == Int(cultivar_key_power) && fields[4] == 1
    }
  }
}
