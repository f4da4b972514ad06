/// `clock:` of an image.
enum ClockFormat {
  private static let servers = RequiredKey(
    "servers", Shape<[String]>.list(of: .host, minimumCount: 1), "NTP servers.", example: ["pool.ntp.org"])

  /// The servers; empty for the word `none`.
  static let shape = Shape<[String]>.either(
    scalar: Shape<String>.choice(["none"], "a way to set the clock").map { _ in [] },
    otherwise: .object("clock", about: "Clock settings.", keys: [servers]) { fields, _ in fields[servers] })
}

/// `console:` of an image.
enum ConsoleFormat {
  private static let commands = DefaultedKey(
    "commands", Shape.truth, default: false,
    "If true, the console accepts `cultivarctl` commands. For development only.", example: true)

  /// True if the console accepts commands.
  static let shape = Shape<Bool>.object("console", about: "The console of a device.", keys: [commands]) { fields, _ in
    fields[commands]
  }
}
