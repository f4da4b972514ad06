/// An item of `waitFor:` of a program.
enum WaitFormat {
  private static let path = OptionalKey("path", Shape.imagePath, "A path that must exist.", example: "/data/x")
  private static let program = OptionalKey(
    "program", Shape.anyText, "A program of the image that must run, or have ended well.", example: "database")

  /// A word for what the system brings, a mapping for a path or a program.
  static let shape = Shape<WaitChoice>.either(
    scalar: Shape<String>.choice(["network", "clock"], "something to wait for").map {
      $0 == "clock" ? .clock : .network
    },
    otherwise: .object(
      "condition", about: "A path or another program that a program waits for.", keys: [path, program],
      rules: [.exactlyOne(of: path, program)]
    ) { fields, _ in
      fields[path].map(WaitChoice.path) ?? fields[program].map(WaitChoice.program)
    })
}

/// `stop:` of a program.
enum StopFormat {
  /// How a program is stopped.
  struct Stop: Sendable {
    /// Signal name without `SIG`.
    var signal: String
    /// Milliseconds until it is killed.
    var grace: Int
  }

  private static let signal = DefaultedKey(
    "signal", Shape.signal, default: "TERM", "Signal that asks it to end, without SIG.", example: "INT")
  private static let grace = DefaultedKey(
    "grace", Shape.duration, default: "10s", "Time until it is killed.", example: "30s")

  /// `stop:`
  static let shape = Shape<Stop>.object("stop", about: "How a program is stopped.", keys: [signal, grace]) {
    fields, _ in
    Stop(signal: fields[signal], grace: fields[grace])
  }
}

/// `limits:` of a program.
enum LimitsFormat {
  /// What a program may use.
  struct Limits: Sendable {
    /// Bytes of memory.
    var memory: Int64?
    /// Hundredths of one processor.
    var cpu: Int?
    /// Processes and threads.
    var processes: Int?
  }

  private static let memory = OptionalKey(
    "memory", Shape.size(minimum: 1 << 20), "Memory, at most.", example: "64M")
  private static let cpu = OptionalKey(
    "cpu", Shape.percentage, "Share of one processor, at most: 200% is two.", example: "50%")
  private static let processes = OptionalKey(
    "processes", Shape.integer(1...4_194_304), "Processes and threads, at most.", example: 32)

  /// `limits:`
  static let shape = Shape<Limits>.object(
    "limits", about: "What a program, with all that it starts, may use. What is left out has no limit.",
    keys: [memory, cpu, processes]
  ) { fields, _ in
    Limits(memory: fields[memory], cpu: fields[cpu], processes: fields[processes])
  }
}

/// `log:` of a program.
enum LogFormat {
  /// What is kept of a program's output.
  struct Log: Sendable {
    /// Bytes of output kept in memory.
    var ring: Int
    /// Files on the data partition.
    var files: LogFilesChoice?
  }

  private static let size = DefaultedKey(
    "size", Shape.size(minimum: 4 << 10), default: "1M", "Size at which a file is closed and the next one begun.",
    example: "1M")
  private static let keep = DefaultedKey(
    "keep", Shape.integer(0...1000), default: 4, "Closed files that are kept.", example: 4)
  private static let logFiles = Shape<LogFilesChoice>.object(
    "log files", about: "Log files on the data partition.", keys: [size, keep]
  ) { fields, _ in LogFilesChoice(maximumBytes: fields[size], keep: fields[keep]) }

  private static let ring = DefaultedKey(
    "ring", Shape.size(minimum: 4 << 10), default: "64K", "Output kept in memory.", example: "64K")
  private static let files = OptionalKey(
    "files", logFiles, "Log files on the data partition. Left out: none.", example: ["size": "1M", "keep": 4])

  /// `log:`
  static let shape = Shape<Log>.object(
    "log", about: "What is kept of a program's standard output and standard error.", keys: [ring, files]
  ) { fields, _ in
    Log(ring: Int(fields[ring]), files: fields[files])
  }
}
