import CLinuxSystem
import Glibc

/// The system clock.
public enum Clock {
  /// Seconds since 1970.
  public static var seconds: Int { time(nil) }

  /// Milliseconds since 1970.
  public static var milliseconds: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }

  /// Sets the clock, in seconds since 1970.
  public static func set(seconds: Int) throws(SystemError) {
    var value = timespec(tv_sec: seconds, tv_nsec: 0)
    try check("set", "the clock") { clock_settime(CLOCK_REALTIME, &value) }
  }

  /// True if the kernel considers its clock synchronised.
  public static var isSynchronised: Bool { cultivar_clock_is_synchronised() }

  /// Formats a time like `2026-01-31T12:00:00Z`.
  ///
  /// - Parameter seconds: Seconds since 1970.
  public static func text(seconds: Int) -> String {
    var value = time_t(seconds)
    var parts = tm()
    gmtime_r(&value, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// The kernel's random number generator.
public enum KernelRandom {
  /// Reads `count` random bytes, at most 256. Waits until the generator is ready.
  public static func bytes(_ count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, 256))
    try check("read", "random bytes") { getrandom(&bytes, bytes.count, 0) }
    return bytes
  }

  /// Reads `count` bytes, at most 256, without waiting. They are random only if the kernel's pool has received entropy.
  public static func bytesWithoutWaiting(_ count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, 256))
    try check("read", "bytes of the random pool") { getrandom(&bytes, bytes.count, UInt32(GRND_INSECURE)) }
    return bytes
  }

  /// Mixes bytes into the kernel's pool without crediting entropy.
  public static func mix(_ bytes: [UInt8]) throws(SystemError) {
    try Descriptor(opening: "/dev/urandom", O_WRONLY).write(all: bytes)
  }

  /// Mixes random bytes into the kernel's pool and credits all their bits as entropy.
  public static func credit(_ bytes: [UInt8]) throws(SystemError) {
    try check("add to", "the random pool") {
      cultivar_add_entropy(bytes, Int32(clamping: bytes.count), Int32(clamping: bytes.count * 8))
    }
  }
}
