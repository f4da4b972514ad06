import Glibc

/// Messages for the kernel log, which shows them on the console.
public final class KernelLog {
  private let log: Descriptor?
  private var console: ConsoleWriter?

  /// Opens the kernel log, and the console for messages that the log level would hide.
  public init() {
    // By default the kernel drops messages of a process that writes more than ten in five seconds.
    try? FileTree.write("on\n", to: "/proc/sys/kernel/printk_devkmsg")
    log = try? Descriptor(opening: "/dev/kmsg", O_WRONLY)
    console = (try? Descriptor(opening: "/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK)).map(ConsoleWriter.init)
  }

  /// Logs a message with the prefix `cultivar: ` at the level "notice".
  public func note(_ message: String) {
    write(message, level: 5)
  }

  /// Logs a message at the level "error".
  public func error(_ message: String) {
    write(message, level: 3)
  }

  private func write(_ message: String, level: Int) {
    // A record of the kernel log holds at most 976 bytes. A line feed would start a record without the prefix.
    for line in message.split(separator: "\n") {
      let text = "cultivar: " + line.prefix(900)
      let logged = try? log?.write(some: ArraySlice("<\(level)>\(text)\n".utf8))
      if logged == nil || Self.isHidden(level: level) {
        console?.write(text)
      }
    }
  }

  /// True if the kernel does not show messages of this level on the console.
  private static func isHidden(level: Int) -> Bool {
    guard let line = FileTree.line("/proc/sys/kernel/printk"), let shown = Int(line.prefix { $0 != "\t" }) else {
      return false
    }
    return level >= shown
  }
}
