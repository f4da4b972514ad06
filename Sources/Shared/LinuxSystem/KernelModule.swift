import CLinuxSystem
import Glibc

/// Operations on kernel modules.
public enum KernelModule {
  /// Loads a module from an uncompressed file. A module that is loaded already is not an error.
  ///
  /// - Parameter path: The `.ko` file.
  /// - Throws: ``SystemError``.
  public static func load(_ path: String) throws(SystemError) {
    let file = try Descriptor(opening: path, O_RDONLY)
    if cultivar_finit_module(file.number, "") < 0, errno != EEXIST { throw SystemError("load module", path) }
  }

  /// True if a module's pattern matches a hardware alias.
  public static func pattern(_ pattern: String, matches alias: String) -> Bool {
    fnmatch(pattern, alias, 0) == 0
  }
}

/// The running kernel.
public enum Kernel {
  /// The kernel release, as in `uname -r`.
  public static var release: String {
    var name = utsname()
    uname(&name)
    return withUnsafePointer(to: &name.release) {
      $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
    }
  }

  public static func setHostName(_ name: String) throws(SystemError) {
    try check("set host name", name) { sethostname(name, name.utf8.count) }
  }

  /// Seconds since the machine started.
  public static var uptime: Int { Int(EventLoop.now / 1000) }

  /// The kernel's action at the end of a shutdown.
  public enum Ending: String, Codable, Sendable {
    /// Restart the machine.
    case reboot
    /// Power off the machine.
    case powerOff = "poweroff"
  }

  /// Restarts or powers off the machine immediately. Returns only if the process lacks the privilege.
  ///
  /// - Parameter argument: An argument of a restart for the firmware. Firmware and kernels that know none ignore it.
  public static func end(_ ending: Ending, argument: String? = nil) {
    sync()
    if ending == .reboot, let argument { _ = cultivar_restart(argument) }
    _ = cultivar_reboot(ending == .reboot ? Int32(RB_AUTOBOOT) : Int32(bitPattern: UInt32(RB_POWER_OFF)))
  }

  /// Makes Ctrl-Alt-Delete send a signal to PID 1 instead of resetting the machine.
  public static func takeControlAltDelete() {
    _ = cultivar_reboot(Int32(RB_DISABLE_CAD))
  }
}
