import FoundationEssentials

/// `update:` of an image.
enum UpdateFormat {
  private static let address = DefaultedKey(
    "address", Shape.address, default: "127.0.0.1", "Numeric address.", example: "127.0.0.1")
  private static let port = RequiredKey("port", Shape.port, "TCP port.", example: 8080)
  private static let path = DefaultedKey(
    "path", Shape.text("a path like /health", pattern: #"/[!-~]*"#), default: "/", "Path that is asked for.",
    example: "/health")
  private static let contains = OptionalKey(
    "contains", Shape.anyText, "Text that the answer has to contain.", example: "ok")

  private static let tcpMapping = Shape<HealthCheckDefinition.Kind>.object(
    "TCP check", about: "A port at which something takes connections.", keys: [address, port]
  ) { fields, _ in fields[port].map { .tcp(address: fields[address], port: $0) } }
  private static let httpMapping = Shape<HealthCheckDefinition.Kind>.object(
    "HTTP check", about: "A page that a web server answers with a status of 200 to 299.",
    keys: [address, port, path, contains]
  ) { fields, _ in
    fields[port].map { .http(address: fields[address], port: $0, path: fields[path], contains: fields[contains]) }
  }

  private static let name = OptionalKey(
    "name", Shape.anyText, "Name, for messages. Left out: what is looked at.", example: "page")
  private static let tcp = OptionalKey(
    "tcp", tcpMapping, "Something takes connections at the port.", example: ["port": 22])
  private static let http = OptionalKey(
    "http", httpMapping, "A web server answers with a status of 200 to 299.",
    example: ["port": 8080, "path": "/health"])
  private static let file = OptionalKey("file", Shape.imagePath, "The file is there.", example: "/run/ready")
  private static let command = OptionalKey(
    "command", Shape<[String]>.list(of: Shape.programText, minimumCount: 1),
    "The program, by its whole path, ends with status 0; its arguments follow.",
    example: ["/usr/bin/self-test", "--quick"])
  private static let checkTimeout = DefaultedKey(
    "timeout", Shape.duration, default: "10s", "Time that the answer may take.", example: "5s")

  private static let check = Shape<HealthCheckDefinition>.object(
    "health check", about: "One thing that is looked at.", keys: [name, tcp, http, file, command, checkTimeout],
    rules: [.exactlyOne(of: tcp, http, file, command)]
  ) { fields, _ in
    let kind =
      fields[tcp] ?? fields[http] ?? fields[file].map(HealthCheckDefinition.Kind.file)
      ?? fields[command].map(HealthCheckDefinition.Kind.command)
    return kind.map {
      HealthCheckDefinition(name: fields[name] ?? $0.label, kind: $0, timeout: seconds(fields[checkTimeout]))
    }
  }

  private static let duration = DefaultedKey(
    "duration", Shape.duration, default: "10s", "Time for which everything has to be well without a break.",
    example: "30s")
  private static let timeout = DefaultedKey(
    "timeout", Shape.duration, default: "5m", "Time after which a release that was not well is left.", example: "10m")
  private static let checks = DefaultedKey(
    "checks", Shape<[HealthCheckDefinition]>.list(of: check), default: [],
    "What is looked at besides programs, units, and the image's own scripts.",
    example: [["http": ["port": 8080]]])

  private static let healthMapping = Shape<HealthDefinition>.object(
    "health", about: "When a release on trial is committed, and when it is left.", keys: [duration, timeout, checks]
  ) { fields, reading in
    let health = HealthDefinition(
      duration: seconds(fields[duration]), timeout: seconds(fields[timeout]), checks: fields[checks])
    if health.timeout <= health.duration {
      reading.error(
        "a release would be left after \(health.timeout) s, before it can be well for \(health.duration) s",
        at: fields.position(of: timeout) ?? fields.position, hint: "make 'timeout' longer than 'duration'")
    }
    return health
  }

  private static let trust = RequiredKey(
    "trust", Shape.existingFile, "Root of trust: whose bundles the devices install. `cultivar keys root` makes one.",
    example: "./product.root")
  private static let health = DefaultedKey(
    "health", healthMapping, default: .object([]), "When a release on trial is committed, and when it is left.",
    example: ["duration": "30s"])

  private static let downgrade = DefaultedKey(
    "downgrade", Shape<DowngradeChoice>.cases("a choice for downgrades"), default: "refused",
    "What devices do with a release of a lower version and the same security epoch: refuse it unless asked with `--allow-downgrade`, or install it.",
    example: "allowed")

  /// `update:`
  static let shape = Shape<UpdateDefinition>.object(
    "update", about: "Updates of the image's devices.", keys: [trust, health, downgrade]
  ) { fields, _ in
    guard let trust = fields[trust] else { return nil }
    return UpdateDefinition(
      position: fields.position, trust: trust, downgrade: fields[downgrade], health: fields[health])
  }

  /// `update:` of either kind of image.
  static let key = OptionalKey(
    "update", shape, "Updates of the image's devices. Left out: they take none.",
    example: ["trust": "./product.root"])

  /// Whole seconds, at least one.
  private static func seconds(_ milliseconds: Int) -> Int { max(1, (milliseconds + 999) / 1000) }

  /// An image whose devices take updates needs a second slot, and somebody who starts the updater.
  static func check(
    _ update: UpdateDefinition?, _ layout: LayoutChoice?, hasOwnInit: Bool = false, _ reading: inout Reading
  ) {
    guard let update, let layout else { return }
    if hasOwnInit {
      reading.error(
        "\(reading.place) has an init of its own, which does not start Cultivar's updater", at: update.position,
        hint: "remove 'update', or 'init: true'")
    }
    guard layout.name == BuiltInLayout.systemSingle.rawValue else { return }
    reading.error(
      "\(reading.place) has one slot, and takes no updates", at: update.position,
      hint: "remove 'update', or take a layout with two slots")
  }
}

extension HealthCheckDefinition.Kind {
  /// What is looked at, for messages.
  fileprivate var label: String {
    switch self {
    case .tcp(_, let port): "port \(port)"
    case .http(_, let port, let path, _): "port \(port)\(path)"
    case .file(let path): path
    case .command(let words): words[0]
    }
  }
}
