/// `clock:` of an image.
enum ClockFormat {
  private static let servers = RequiredKey(
    "servers", Shape<[String]>.list(of: .host, minimumCount: 1), "NTP servers.", example: ["pool.ntp.org"])

  /// The servers; none for the word `none`.
  static let shape = Shape<[String]>.either(
    scalar: Shape<String>.choice(["none"], "a way to set the clock").map { _ in [] },
    otherwise: .object("clock", about: "How the clock is set.", keys: [servers]) { fields, _ in fields[servers] })
}

/// `console:` of an image.
enum ConsoleFormat {
  private static let commands = DefaultedKey(
    "commands", Shape.truth, default: false,
    "Whether `cultivarctl` commands are taken on the console: for development only.", example: true)

  /// Whether commands are taken.
  static let shape = Shape<Bool>.object("console", about: "The console of a device.", keys: [commands]) { fields, _ in
    fields[commands]
  }
}
