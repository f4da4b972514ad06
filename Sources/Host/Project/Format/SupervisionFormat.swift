import DeviceModel

/// An item of `waitFor:` of a program.
enum WaitFormat {
  private static let path = OptionalKey("path", Shape.imagePath, "A path that must exist.", example: "/data/x")
  private static let program = OptionalKey(
    "program", Shape.anyText, "A program of the image that must be running, or have ended successfully.",
    example: "database")

  /// A word for a condition of the system, or a mapping for a path or a program.
  static let shape = Shape<WaitCondition>.either(
    scalar: Shape<String>.choice(["network", "clock"], "a condition").map {
      $0 == "clock" ? .clock : .network
    },
    otherwise: .object(
      "condition", about: "A path or another program that a program waits for.", keys: [path, program],
      rules: [.exactlyOne(of: path, program)]
    ) { fields, _ in
      fields[path].map(WaitCondition.path) ?? fields[program].map(WaitCondition.program)
    })
}

/// `stop:` of a program.
enum StopFormat {
  private static let signal = DefaultedKey(
    "signal", Shape<StopSignal>.cases("a signal that ends programs"), default: "TERM",
    "Signal that asks the program to end, without SIG.", example: "INT")
  private static let grace = DefaultedKey(
    "grace", Shape.duration, default: "10s", "Time after which the program is killed.", example: "30s")

  static let shape = Shape<StopPlan>.object(
    "stop", about: "Signal and time limit for stopping a program.", keys: [signal, grace]
  ) { fields, _ in StopPlan(signal: fields[signal].number, grace: fields[grace]) }
}

/// `limits:` of a program.
enum LimitsFormat {
  private static let memory = OptionalKey(
    "memory", Shape.size(minimum: 1 << 20), "Maximum amount of memory.", example: "64M")
  private static let cpu = OptionalKey(
    "cpu", Shape.percentage, "Maximum processor time, as a share of one processor: 200% is two.", example: "50%")
  private static let processes = OptionalKey(
    "processes", Shape.integer(1...4_194_304), "Maximum number of processes and threads.", example: 32)

  static let shape = Shape<ProgramLimits>.object(
    "limits", about: "Limits on a program and all processes that it starts. A key that is not given sets no limit.",
    keys: [memory, cpu, processes]
  ) { fields, _ in
    ProgramLimits(memory: fields[memory], cpuPercent: fields[cpu], processes: fields[processes])
  }
}

/// `log:` of a program.
enum LogFormat {
  private static let size = DefaultedKey(
    "size", Shape.size(minimum: 4 << 10), default: "1M", "Size at which a file is closed and the next one started.",
    example: "1M")
  private static let keep = DefaultedKey(
    "keep", Shape.integer(0...1000), default: 4, "Number of closed files to keep.", example: 4)
  private static let logFiles = Shape<LogFiles>.object(
    "log files", about: "Log files on the data partition.", keys: [size, keep]
  ) { fields, _ in LogFiles(maximumBytes: fields[size], keep: fields[keep]) }

  private static let ring = DefaultedKey(
    "ring", Shape.size(minimum: 4 << 10), default: "64K", "Size of the output that is kept in memory.", example: "64K")
  private static let files = OptionalKey(
    "files", logFiles, "Log files on the data partition. Default: none.", example: ["size": "1M", "keep": 4])

  static let shape = Shape<LogPlan>.object(
    "log", about: "Storage of a program's standard output and standard error.", keys: [ring, files]
  ) { fields, _ in
    LogPlan(ringBytes: Int(fields[ring]), files: fields[files])
  }
}
