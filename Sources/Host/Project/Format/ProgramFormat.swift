import DeviceModel

/// The valid parts of an item of `programs:`, for the checks of all programs of an image.
struct ProgramEntry: Sendable {
  /// Name, with the position for errors about it; `nil` if the program has no valid name.
  var name: Located<String>?
  /// Conditions that it waits for.
  var waitFor: [Located<WaitCondition>]
  /// The program; `nil` if a required part is missing or invalid.
  var definition: ProgramDefinition?
  /// Beginning of the item.
  var position: SourcePosition
}

/// An item of `programs:`.
enum ProgramFormat {
  private static let swift = OptionalKey(
    "swift", SourceFormat.swift, "A product of a Swift package.",
    example: ["package": "./station", "product": "station"])
  private static let cargo = OptionalKey(
    "cargo", SourceFormat.cargo, "A binary of a Cargo package.", example: ["package": "./ticker", "binary": "ticker"])
  private static let go = OptionalKey(
    "go", SourceFormat.go, "An executable of a Go module.", example: ["module": "./gonet", "package": "./cmd/gonet"])
  private static let executable = OptionalKey(
    "executable", SourceFormat.executable,
    "A prebuilt executable of the project, or a script whose interpreter is in the image.", example: "./tool")
  private static let debian = OptionalKey(
    "debian", SourceFormat.debian, "An executable from Debian packages.",
    example: ["packages": ["busybox-static"], "executable": "/bin/busybox"])

  private static let name = OptionalKey(
    "name", Shape.programName.located,
    """
    Name, unique in the image. Default: that of the product, binary, package or file, in lower case and with hyphens \
    instead of underscores.
    """, example: "station")
  private static let arguments = DefaultedKey(
    "arguments", Shape<[String]>.list(of: .programText), default: [], "Arguments, without the program's own name.",
    example: ["--port", "80"])
  private static let environment = DefaultedKey(
    "env", Shape<[DictionaryEntry<String>]>.dictionary(key: .environmentName, value: .programText),
    default: .object([]),
    "Environment variables.", example: ["STATION_NAME": "roof"])
  private static let user = OptionalKey(
    "user", Shape.userName,
    "User that the program runs as; `root` only if necessary. Default: a user with the name of the program.",
    example: "station")
  private static let files = DefaultedKey(
    "files", Shape<[FileDefinition]>.list(of: FileFormat.shape), default: [], "Files to add to the root file system.",
    example: [["source": "./conf", "path": "/etc/station", "mode": "0644"]])
  private static let restart = DefaultedKey(
    "restart", Shape<RestartPolicy.Condition>.cases("a choice for restarts"), default: "always",
    "Condition for a restart after the program has ended.",
    example: "on-failure")
  private static let waitFor = DefaultedKey(
    "waitFor", Shape<[Located<WaitCondition>]>.list(of: WaitFormat.shape.located), default: [],
    "Conditions that must be met before the program is started.", example: ["network", ["program": "database"]])
  private static let stop = DefaultedKey(
    "stop", StopFormat.shape, default: .object([]), "Signal and time limit for stopping the program.",
    example: ["signal": "INT", "grace": "30s"])
  private static let limits = DefaultedKey(
    "limits", LimitsFormat.shape, default: .object([]), "Limits on memory, processor time and processes.",
    example: ["memory": "64M", "cpu": "50%"])
  private static let capabilities = DefaultedKey(
    "capabilities", Shape<[String]>.list(of: .capability), default: [],
    "Capabilities that the program has without being root (capabilities(7), without CAP_).",
    example: ["net_bind_service"]
  )
  private static let log = DefaultedKey(
    "log", LogFormat.shape, default: .object([]), "Storage of the program's output.",
    example: ["ring": "64K", "files": ["size": "1M", "keep": 4]])
  private static let isInit = DefaultedKey(
    "init", Shape.truth, default: false,
    """
    If true, the program is PID 1, instead of Cultivar's init. It must then be the only program of its image.
    """, example: true)

  /// Keys for the supervision by Cultivar's init. They have no effect on a program that is init itself.
  private static let supervision: [any KeyDeclaration] = [user, restart, waitFor, stop, limits, capabilities, log]

  /// An item of `programs:`.
  static let shape = Shape<ProgramEntry>.object(
    "program", about: "A program of an image, with its source and its settings.",
    keys: [
      swift, cargo, go, executable, debian, name, arguments, environment, user, files, restart, waitFor, stop, limits,
      capabilities, log, isInit,
    ],
    rules: [.exactlyOne(of: swift, cargo, go, executable, debian)]
  ) { fields, reading in
    if fields[isInit] {
      for key in supervision {
        guard let position = fields.position(of: key) else { continue }
        reading.error(
          "'\(key.entry.name)' has no effect on a program with 'init: true'", at: position,
          hint: "remove it, or remove 'init: true'")
      }
    }
    let origin = fields[swift] ?? fields[cargo] ?? fields[go] ?? fields[executable] ?? fields[debian]
    let name = fields.position(of: name) == nil ? derivedName(of: origin, fields, &reading) : fields[name]
    return ProgramEntry(
      name: name, waitFor: fields[waitFor], definition: definition(fields, origin: origin, name: name),
      position: fields.position)
  }

  private static func definition(
    _ fields: Fields, origin: SourceFormat.Origin?, name: Located<String>?
  ) -> ProgramDefinition? {
    guard let origin, let name else { return nil }
    return ProgramDefinition(
      position: fields.position, name: name.value, source: origin.source, arguments: fields[arguments],
      environment: Dictionary(fields[environment].map { ($0.name, $0.value) }) { first, _ in first },
      user: fields[user] ?? name.value, files: fields[files], restart: fields[restart],
      waitFor: fields[waitFor].map(\.value), stop: fields[stop], limits: fields[limits],
      capabilities: fields[capabilities], log: fields[log], isInit: fields[isInit])
  }

  /// Returns the name that a program gets from its source.
  private static func derivedName(
    of origin: SourceFormat.Origin?, _ fields: Fields, _ reading: inout Reading
  ) -> Located<String>? {
    guard let origin else { return nil }
    let candidate = origin.name.lowercased().replacing("_", with: "-")
    var scratch = Reading(source: reading.source, fileKind: reading.fileKind)
    let node = SourceNode(.text(candidate), at: fields.position)
    guard let name = Shape.programName.read(node, &scratch) else {
      reading.error(
        "the program needs a 'name': its default name, '\(origin.name)', is not allowed", at: fields.position,
        hint: "add 'name: …' with lower-case letters, digits and hyphens")
      return nil
    }
    return Located(value: name, position: fields.position)
  }
}
