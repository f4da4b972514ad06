import Glibc
import LinuxSystem

/// The descriptors 0, 1 and 2 of PID 1.
enum StandardDescriptors {
  /// Opens the console as standard input, output and error.
  ///
  /// If the initial RAM file system has no `/dev/console`, the kernel starts PID 1 without these descriptors. The next
  /// file to be opened would then get one of these numbers, and the message of a crash would be written into it.
  static func openConsole() throws(SystemError) {
    var console = open("/dev/console", O_RDWR | O_NOCTTY)
    if console < 0 { console = open("/dev/null", O_RDWR) }
    guard console >= 0 else { throw SystemError("open", "/dev/console") }
    for number in 0...2 as ClosedRange<Int32> where number != console { dup2(console, number) }
    if console > 2 { close(console) }
  }
}
