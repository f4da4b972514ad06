import CLinuxSystem
import Glibc

/// Loading kernel modules.
public enum KernelModule {
  /// Loads the module in a file, not compressed; one that is loaded already is no error.
  ///
  /// - Parameter path: the `.ko` file.
  /// - Throws: ``SystemError``.
  public static func load(_ path: String) throws(SystemError) {
    let file = try Descriptor(opening: path, O_RDONLY)
    if cultivar_finit_module(file.number, "") < 0, errno != EEXIST { throw SystemError("load module", path) }
  }

  /// Whether a module's pattern for hardware matches an alias that the hardware has.
  public static func pattern(_ pattern: String, matches alias: String) -> Bool {
    fnmatch(pattern, alias, 0) == 0
  }
}

/// The running kernel.
public enum Kernel {
  /// Its release, as `uname -r` says.
  public static var release: String {
    var name = utsname()
    uname(&name)
    return withUnsafePointer(to: &name.release) {
      $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
    }
  }

  /// Sets the host name.
  public static func setHostName(_ name: String) throws(SystemError) {
    try check("set host name", name) { sethostname(name, name.utf8.count) }
  }

  /// Seconds since the machine started.
  public static var uptime: Int { Int(EventLoop.now / 1000) }

  /// What the kernel is asked to do at the very end.
  public enum Ending: String, Codable, Sendable {
    /// Start again.
    case reboot
    /// Switch the machine off.
    case powerOff = "poweroff"
  }

  /// Ends the machine at once; returns only where it is not allowed.
  public static func end(_ ending: Ending) {
    sync()
    _ = cultivar_reboot(ending == .reboot ? Int32(RB_AUTOBOOT) : Int32(bitPattern: UInt32(RB_POWER_OFF)))
  }

  /// Makes Ctrl-Alt-Delete a signal to PID 1 instead of a reset.
  public static func takeControlAltDelete() {
    _ = cultivar_reboot(Int32(RB_DISABLE_CAD))
  }
}
