import CLinuxSystem
import Glibc

/// A timer in hardware that resets the machine unless it is fed.
public final class Watchdog {
  private let device: Descriptor

  /// Opens and arms the watchdog; `nil` where the machine has none.
  ///
  /// - Parameters:
  ///   - path: its device node.
  ///   - timeout: seconds without food after which it resets.
  public init?(_ path: String = "/dev/watchdog0", timeout: Int) {
    guard let device = try? Descriptor(opening: path, O_WRONLY) else { return nil }
    self.device = device
    // A watchdog with a fixed time keeps that; it is fed often enough for any.
    _ = cultivar_watchdog_set_timeout(device.number, Int32(timeout))
  }

  /// Whether it was this watchdog that restarted the machine last, as far as its driver can tell.
  public var hasReset: Bool { cultivar_watchdog_has_reset(device.number) }

  /// Puts the end off by its time.
  public func feed() {
    _ = cultivar_watchdog_feed(device.number)
  }

  /// Disarms it, so that it does not reset a machine that is to stay off.
  public func disarm() {
    // The "magic close": the driver stops only if this was written last.
    _ = try? device.write(some: ArraySlice("V".utf8))
  }
}

/// The power button, as an input device.
public struct PowerButton {
  /// Readable while an event waits.
  public let descriptor: Descriptor

  /// Opens the input device if it has a power key.
  ///
  /// - Parameter path: `/dev/input/event…`.
  public init?(_ path: String) {
    guard let descriptor = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK),
      cultivar_input_has_key(descriptor.number, cultivar_key_power)
    else { return nil }
    self.descriptor = descriptor
  }

  /// Takes the events that wait; whether the power key was pressed among them. `nil` where the device is gone.
  public func takePresses() -> Bool? {
    // struct input_event: two longs of time, then type, code (16 bits each) and value (32 bits).
    let size = 2 * MemoryLayout<Int>.size + 8
    guard let events = try? descriptor.read(atMost: 64 * size) ?? [] else { return nil }
    return stride(from: 0, to: events.count / size * size, by: size).contains { start in
      let fields = events[(start + size - 8)..<(start + size)].map(Int.init)
      return fields[0] | fields[1] << 8 == Int(cultivar_event_type_key)
        && fields[2] | fields[3] << 8 == Int(cultivar_key_power) && fields[4] == 1
    }
  }
}
