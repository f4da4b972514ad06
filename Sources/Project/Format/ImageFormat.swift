/// An entry of `images:`, before it has its name.
struct ImageEntry: Sendable {
  /// The image with everything but its name.
  var definition: ImageDefinition
  /// Whether the file gives it a host name.
  var hasHostname: Bool
}

/// An entry of `images:` with no distribution. Some of its keys are those of a system as well.
enum ImageFormat {
  static let device = RequiredKey(
    "device", Shape<BuiltInDeviceClass>.cases("a device class"), "Device class.", example: "generic-x86_64")
  static let loader = DefaultedKey(
    "loader", Shape<BootLoaderChoice>.cases("a boot loader"), default: "systemd-boot",
    "What starts the image: by UEFI `systemd-boot` or `grub`, on a BIOS always GRUB; `u-boot` for arm64 boards that have it as their firmware.",
    example: "grub")
  static let layout = RequiredKey(
    "layout", LayoutFormat.shape, "Layout, by name or with changes to it.", example: "appliance-ab")
  static let formats = DefaultedKey(
    "formats", Shape<[ArtefactFormat]>.list(of: .cases("a format")), default: [],
    "What is written beside the raw disk image: block map, compressed, for QEMU, for fastboot; the bundle for updates; the root file system alone.",
    example: ["bmap", "xz"])
  static let hostname = OptionalKey(
    "hostname", Shape.hostname, "Host name. Left out: the image's name.", example: "station")
  static let timezone = DefaultedKey(
    "timezone", Shape.timezone, default: "UTC", "Time zone by its name in the tz database.", example: "Europe/Berlin")
  private static let programs = RequiredKey(
    "programs", Shape<[ProgramEntry]>.list(of: ProgramFormat.shape, minimumCount: 1),
    "Programs, in the order of starting.", example: [["executable": "./tool"]])
  private static let files = DefaultedKey(
    "files", Shape<[FileDefinition]>.list(of: FileFormat.shape), default: [], "Files added to the root file system.",
    example: [["source": "./motd", "path": "/etc/motd"]])
  static let kernel = DefaultedKey(
    "kernel", KernelFormat.shape, default: .object([]), "Kernel and kernel modules.",
    example: ["modules": ["usbhid"], "arguments": ["quiet"]])
  private static let network = DefaultedKey(
    "network", NetworkFormat.shape, default: "automatic", "Network: a word, or a mapping with a `method`.",
    example: ["method": "automatic", "interfaces": ["eth0"]])
  private static let clock = DefaultedKey(
    "clock", ClockFormat.shape,
    default: ["servers": ["0.debian.pool.ntp.org", "1.debian.pool.ntp.org", "2.debian.pool.ntp.org"]],
    "How the clock is set; `none` for not at all.", example: ["servers": ["pool.ntp.org"]])
  static let management = OptionalKey(
    "management", NetworkFormat.management, "The management API. Left out: it does not listen on the network.",
    example: ["port": 8443, "tokenHash": "at-flash"])
  private static let console = DefaultedKey(
    "console", ConsoleFormat.shape, default: .object([]), "The console of the device.", example: ["commands": true])

  /// An image.
  static let shape = Shape<ImageEntry>.object(
    "image", about: "An appliance: programs, and no distribution.",
    keys: [
      device, layout, formats, hostname, timezone, programs, files, kernel, loader, network, clock, management, console,
      UpdateFormat.key,
    ]
  ) { fields, reading in
    let programs = fields[programs] ?? []
    ImageChecks.checkPrograms(programs, &reading)
    ImageChecks.checkFiles(fields[files] + programs.flatMap { $0.definition?.files ?? [] }, &reading)
    var timeServers = fields[clock]
    if fields[network] == .none {
      if let position = fields.position(of: clock), !timeServers.isEmpty {
        reading.warning(
          "the clock is never set: \(reading.place) has no network", at: position, hint: "write 'clock: none'")
      }
      timeServers = []
    }
    ImageChecks.checkConditions(
      programs, hasNetwork: fields[network] != .none, hasClock: !timeServers.isEmpty, &reading)
    UpdateFormat.check(
      fields[UpdateFormat.key], fields[layout], hasOwnInit: programs.contains { $0.definition?.isInit == true },
      &reading)
    if programs.contains(where: { $0.definition?.isInit == true }) { refuseIdleKeys(fields, &reading) }
    guard let device = fields[device], let layout = fields[layout] else { return nil }
    checkLoader(fields[loader], of: device, at: fields.position(of: loader), &reading)
    let definition = ImageDefinition(
      position: fields.position, name: "", device: device.rawValue, loader: fields[loader], layout: layout,
      formats: fields[formats], hostname: fields[hostname] ?? "", timezone: fields[timezone],
      programs: programs.compactMap(\.definition),
      files: fields[files], kernel: fields[kernel], network: fields[network], timeServers: timeServers,
      management: fields[management], consoleCommands: fields[console], update: fields[UpdateFormat.key],
      system: nil)
    return ImageEntry(definition: definition, hasHostname: fields.position(of: hostname) != nil)
  }

  /// Refuses what only Cultivar's init does, which a program that is init takes the place of. To ask for nothing is no mistake.
  private static func refuseIdleKeys(_ fields: Fields, _ reading: inout Reading) {
    let asked: [(key: any KeyDeclaration, isAsked: Bool)] = [
      (network, fields[network] != .none), (clock, !fields[clock].isEmpty), (management, fields[management] != nil),
      (console, fields[console]),
    ]
    for (key, isAsked) in asked where isAsked {
      guard let position = fields.position(of: key) else { continue }
      reading.error(
        "'\(key.entry.name)' has no effect in \(reading.place): its program is init, and nothing of Cultivar's is started",
        at: position, hint: "remove it, or remove 'init: true'")
    }
  }

  /// U-Boot is told how to start kernels of arm64 only.
  static func checkLoader(
    _ loader: BootLoaderChoice, of device: BuiltInDeviceClass, at position: SourcePosition?, _ reading: inout Reading
  ) {
    guard let position, loader == .uBoot, device != .genericARM else { return }
    reading.error(
      "\(device.rawValue) is not started by U-Boot", at: position, hint: "write 'loader: grub', or leave it out")
  }
}
