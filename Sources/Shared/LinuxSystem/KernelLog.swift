import Glibc

/// Lines for whoever watches the machine start: they go to the kernel's log, and from there to the console.
public final class KernelLog {
  private let log: Descriptor?
  private var console: ConsoleWriter?

  /// Opens the kernel's log, and the console for what has to be seen whatever the log level.
  public init() {
    // Otherwise the kernel drops lines when there are more than ten in five seconds, as there are when programs start.
    try? FileTree.write("on\n", to: "/proc/sys/kernel/printk_devkmsg")
    log = try? Descriptor(opening: "/dev/kmsg", O_WRONLY)
    console = (try? Descriptor(opening: "/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK)).map(ConsoleWriter.init)
  }

  /// Says what happens: `cultivar: ` and the message, with the level "notice".
  public func note(_ message: String) {
    write(message, level: 5)
  }

  /// Says what went wrong, with the level "error".
  public func error(_ message: String) {
    write(message, level: 3)
  }

  private func write(_ message: String, level: Int) {
    // A record of the kernel's log ends at 976 bytes; a line break would begin a new one without the prefix.
    for line in message.split(separator: "\n") {
      let text = "cultivar: " + line.prefix(900)
      let logged = try? log?.write(some: ArraySlice("<\(level)>\(text)\n".utf8))
      if logged == nil || Self.isHidden(level: level) {
        console?.write(text)
      }
    }
  }

  /// Whether the kernel does not show messages of the level on the console.
  private static func isHidden(level: Int) -> Bool {
    guard let line = FileTree.line("/proc/sys/kernel/printk"), let shown = Int(line.prefix { $0 != "\t" }) else {
      return false
    }
    return level >= shown
  }
}
