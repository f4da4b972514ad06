import DeviceModel
import FoundationEssentials

/// `update:` of an image.
enum UpdateFormat {
  private static let address = DefaultedKey(
    "address", Shape.address, default: "127.0.0.1", "Numeric address.", example: "127.0.0.1")
  private static let port = RequiredKey("port", Shape.port, "TCP port.", example: 8080)
  private static let path = DefaultedKey(
    "path", Shape.text("a path like /health", pattern: #"/[!-~]*"#), default: "/", "Path of the request.",
    example: "/health")
  private static let contains = OptionalKey(
    "contains", Shape.anyText, "Text that the response must contain.", example: "ok")

  private static let tcpMapping = Shape<HealthCheckPlan.Kind>.object(
    "TCP check", about: "A port that must accept connections.", keys: [address, port]
  ) { fields, _ in fields[port].map { .tcp(address: fields[address], port: $0) } }
  private static let httpMapping = Shape<HealthCheckPlan.Kind>.object(
    "HTTP check", about: "A page for which a web server must answer with a status from 200 to 299.",
    keys: [address, port, path, contains]
  ) { fields, _ in
    fields[port].map { .http(address: fields[address], port: $0, path: fields[path], contains: fields[contains]) }
  }

  private static let name = OptionalKey(
    "name", Shape.anyText, "Name for messages. Default: the checked port, path or program.", example: "page")
  private static let tcp = OptionalKey(
    "tcp", tcpMapping, "The port accepts connections.", example: ["port": 22])
  private static let http = OptionalKey(
    "http", httpMapping, "A web server answers with a status from 200 to 299.",
    example: ["port": 8080, "path": "/health"])
  private static let file = OptionalKey("file", Shape.imagePath, "The file exists.", example: "/run/ready")
  private static let command = OptionalKey(
    "command", Shape<[String]>.list(of: Shape.programText, minimumCount: 1),
    "The program exits with status 0. The first item is its absolute path, the others are its arguments.",
    example: ["/usr/bin/self-test", "--quick"])
  private static let checkTimeout = DefaultedKey(
    "timeout", Shape.duration, default: "10s", "Maximum time for the check.", example: "5s")

  private static let check = Shape<HealthCheckPlan>.object(
    "health check", about: "A health check.", keys: [name, tcp, http, file, command, checkTimeout],
    rules: [.exactlyOne(of: tcp, http, file, command)]
  ) { fields, _ in
    let kind =
      fields[tcp] ?? fields[http] ?? fields[file].map(HealthCheckPlan.Kind.file)
      ?? fields[command].map(HealthCheckPlan.Kind.command)
    return kind.map {
      HealthCheckPlan(name: fields[name] ?? $0.label, kind: $0, timeout: seconds(fields[checkTimeout]))
    }
  }

  private static let duration = DefaultedKey(
    "duration", Shape.duration, default: "10s", "Time for which the device must be healthy without interruption.",
    example: "30s")
  private static let timeout = DefaultedKey(
    "timeout", Shape.duration, default: "5m",
    "Time after which the device falls back if the release has not been committed.",
    example: "10m")
  private static let checks = DefaultedKey(
    "checks", Shape<[HealthCheckPlan]>.list(of: check), default: [],
    "Checks in addition to programs, units and the image's own scripts.",
    example: [["http": ["port": 8080]]])

  private static let healthMapping = Shape<HealthPlan>.object(
    "health", about: "Conditions under which a device commits a release on trial or falls back.",
    keys: [duration, timeout, checks]
  ) { fields, reading in
    let health = HealthPlan(
      duration: seconds(fields[duration]), timeout: seconds(fields[timeout]), checks: fields[checks])
    if health.timeout <= health.duration {
      reading.error(
        "a device would fall back after \(health.timeout) s, before a release can be healthy for \(health.duration) s",
        at: fields.position(of: timeout) ?? fields.position, hint: "make 'timeout' longer than 'duration'")
    }
    return health
  }

  private static let trust = RequiredKey(
    "trust", Shape.existingFile,
    """
    File with the root of trust. Devices install only bundles that its keys or authorities sign. `cultivar keys root` \
    creates the file.
    """,
    example: "./product.root")
  private static let health = DefaultedKey(
    "health", healthMapping, default: .object([]),
    "Conditions under which a device commits a release on trial or falls back.",
    example: ["duration": "30s"])

  private static let downgrade = DefaultedKey(
    "downgrade", Shape<String>.choice(["refused", "allowed"], "a choice for downgrades").map { $0 == "allowed" },
    default: "refused",
    """
    Handling of a release with a lower version and the same security epoch: devices refuse it unless asked with \
    `--allow-downgrade` (`refused`), or install it (`allowed`).
    """,
    example: "allowed")

  static let shape = Shape<UpdateDefinition>.object(
    "update", about: "Settings for updates of the image's devices.", keys: [trust, health, downgrade]
  ) { fields, _ in
    guard let trust = fields[trust] else { return nil }
    return UpdateDefinition(
      position: fields.position, trust: trust, allowsDowngrade: fields[downgrade], health: fields[health])
  }

  /// `update:` of either kind of image.
  static let key = OptionalKey(
    "update", shape, "Settings for updates of the image's devices. Without this key, they take no updates.",
    example: ["trust": "./product.root"])

  /// Returns whole seconds, rounded up, at least 1.
  private static func seconds(_ milliseconds: Int) -> Int { max(1, (milliseconds + 999) / 1000) }

  /// Reports updates of an image without a second slot, or without an init that starts the updater.
  static func check(
    _ update: UpdateDefinition?, _ layout: LayoutChoice?, hasOwnInit: Bool = false, _ reading: inout Reading
  ) {
    guard let update, let layout else { return }
    if hasOwnInit {
      reading.error(
        "\(reading.place) has an init of its own, which does not start Cultivar's updater", at: update.position,
        hint: "remove 'update', or 'init: true'")
    }
    guard layout.base == .systemSingle else { return }
    reading.error(
      "\(reading.place) has only one slot, and cannot take updates", at: update.position,
      hint: "remove 'update', or choose a layout with two slots")
  }
}

extension UpdateFormat {
  /// Warns about bundles of an image that takes no updates.
  static func checkFormats(
    _ formats: [ArtefactFormat], at position: SourcePosition?, update: UpdateDefinition?, _ reading: inout Reading
  ) {
    guard let position, formats.contains(.bundle), update == nil else { return }
    reading.warning(
      "no device can install the bundle: \(reading.place) takes no updates", at: position,
      hint: "add 'update', or remove 'bundle'")
  }
}

extension HealthCheckPlan.Kind {
  /// Object of the check, for messages.
  fileprivate var label: String {
    switch self {
    case .tcp(_, let port): "port \(port)"
    case .http(_, let port, let path, _): "port \(port)\(path)"
    case .file(let path): path
    case .command(let words): words[0]
    }
  }
}
