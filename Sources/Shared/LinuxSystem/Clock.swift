import CLinuxSystem
import Glibc

/// The time of day.
public enum Clock {
  /// Seconds since 1970.
  public static var seconds: Int { time(nil) }

  /// Milliseconds since 1970.
  public static var milliseconds: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }

  /// Sets the time of day.
  public static func set(seconds: Int) throws(SystemError) {
    var value = timespec(tv_sec: seconds, tv_nsec: 0)
    try check("set", "the clock") { clock_settime(CLOCK_REALTIME, &value) }
  }

  /// Whether something keeps the clock right, by what it told the kernel.
  public static var isSynchronised: Bool { cultivar_clock_is_synchronised() }

  /// A time as `2026-01-31T12:00:00Z`.
  ///
  /// - Parameter seconds: since 1970.
  public static func text(seconds: Int) -> String {
    var value = time_t(seconds)
    var parts = tm()
    gmtime_r(&value, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// The kernel's randomness.
public enum KernelRandom {
  /// `count` random bytes, at most 256.
  public static func bytes(_ count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, 256))
    try check("read", "random bytes") { getrandom(&bytes, bytes.count, 0) }
    return bytes
  }

  /// `count` bytes, at most 256, that are as good as what is in the kernel's pool by now: random once something random was mixed
  /// in, and never waited for.
  public static func bytesWithoutWaiting(_ count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, 256))
    try check("read", "bytes of the random pool") { getrandom(&bytes, bytes.count, UInt32(GRND_INSECURE)) }
    return bytes
  }

  /// Mixes bytes into the kernel's pool without counting them as random.
  public static func mix(_ bytes: [UInt8]) throws(SystemError) {
    try Descriptor(opening: "/dev/urandom", O_WRONLY).write(all: bytes)
  }

  /// Adds bytes that were random to the kernel's pool, counting all their bits.
  public static func credit(_ bytes: [UInt8]) throws(SystemError) {
    try check("add to", "the random pool") {
      cultivar_add_entropy(bytes, Int32(clamping: bytes.count), Int32(clamping: bytes.count * 8))
    }
  }
}
