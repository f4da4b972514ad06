import DeviceModel

/// An entry of `images:` without a distribution. A system has some of the same keys.
enum ImageFormat {
  static let device = RequiredKey(
    "device", Shape<BuiltInDeviceClass>.cases("a device class"), "Device class.", example: "generic-x86_64")
  static let loader = OptionalKey(
    "loader", Shape<BootLoader>.cases("a boot loader"),
    """
    Boot loader: `systemd-boot` or `grub` on UEFI, `u-boot` for Raspberry Pis and for arm64 boards with U-Boot in their \
    firmware, `tryboot` for the firmware of a Raspberry Pi 4 or 5 with Raspberry Pi's kernel. On a BIOS, the boot loader \
    is always GRUB. Default: `u-boot` on Raspberry Pis, otherwise `systemd-boot`.
    """,
    example: "grub")
  static let layout = RequiredKey(
    "layout", LayoutFormat.shape, "Name of a layout, or a layout with changes.", example: "appliance-ab")
  static let formats = DefaultedKey(
    "formats", Shape<[ArtefactFormat]>.list(of: .cases("a format")), default: [],
    """
    Artefacts to write in addition to the raw disk image: a block map (`bmap`), the compressed image (`zstd`, `xz`), \
    the image for QEMU (`qcow2`) or fastboot (`android-sparse`), the update bundle (`bundle`), the root file system \
    alone (`root-tar`, `root-oci`), the partitions with a description for Raspberry Pi's provisioner (`idp`).
    """,
    example: ["bmap", "xz"])
  static let hostname = OptionalKey(
    "hostname", Shape.hostname, "Host name. Default: the name of the image.", example: "station")
  static let timezone = DefaultedKey(
    "timezone", Shape.timezone, default: "UTC", "Name of the time zone in the tz database.", example: "Europe/Berlin")
  private static let programs = RequiredKey(
    "programs", Shape<[ProgramEntry]>.list(of: ProgramFormat.shape, minimumCount: 1),
    "Programs, in the order in which they start.", example: [["executable": "./tool"]])
  private static let files = DefaultedKey(
    "files", Shape<[FileDefinition]>.list(of: FileFormat.shape), default: [], "Files to add to the root file system.",
    example: [["source": "./motd", "path": "/etc/motd"]])
  static let kernel = DefaultedKey(
    "kernel", KernelFormat.shape, default: .object([]), "Kernel and kernel modules.",
    example: ["modules": ["usbhid"], "arguments": ["quiet"]])
  private static let network = DefaultedKey(
    "network", NetworkFormat.shape, default: "automatic", "Network settings: a word, or a mapping with a `method`.",
    example: ["method": "automatic", "interfaces": ["eth0"]])
  private static let wireless = OptionalKey(
    "wifi", NetworkFormat.wireless,
    "Wireless network client, wpa_supplicant. Name and password of the network are values for the first boot.",
    example: ["country": "DE", "firmware": ["firmware-brcm80211"]])
  private static let clock = DefaultedKey(
    "clock", ClockFormat.shape,
    default: ["servers": ["0.debian.pool.ntp.org", "1.debian.pool.ntp.org", "2.debian.pool.ntp.org"]],
    "Clock settings. With `none`, the device does not set its clock.", example: ["servers": ["pool.ntp.org"]])
  static let management = OptionalKey(
    "management", NetworkFormat.management, "Management API. Without this key, it does not listen on the network.",
    example: ["port": 8443, "tokenHash": "at-flash"])
  static let splash = OptionalKey(
    "splash", Shape.existingFile,
    "Picture that the screen shows while the device starts: a PPM file (P6, 8 bits for each colour).",
    example: "./logo.ppm")
  private static let console = DefaultedKey(
    "console", ConsoleFormat.shape, default: .object([]), "Console of the device.", example: ["commands": true])

  static let shape = Shape<ImageDefinition>.object(
    "image", about: "An appliance: programs without a distribution.",
    keys: [
      device, layout, formats, hostname, timezone, programs, files, kernel, loader, network, wireless, clock,
      management,
      splash, console, UpdateFormat.key,
    ]
  ) { fields, reading in
    let programs = fields[programs] ?? []
    ImageChecks.checkPrograms(programs, &reading)
    let allFiles = fields[files] + programs.flatMap { $0.definition?.files ?? [] }
    ImageChecks.checkPaths(allFiles.map { Located(value: $0.path, position: $0.position) }, &reading)
    if fields[network] == .none, let position = fields.position(of: wireless) {
      reading.error(
        "'wifi' needs a network, but \(reading.place) has none", at: position, hint: "remove 'network: none', or 'wifi'"
      )
    }
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
    UpdateFormat.checkFormats(
      fields[formats], at: fields.position(of: formats), update: fields[UpdateFormat.key], &reading)
    if programs.contains(where: { $0.definition?.isInit == true }) { refuseIdleKeys(fields, &reading) }
    guard let device = fields[device], let layout = fields[layout] else { return nil }
    return ImageDefinition(
      position: fields.position, name: "", device: device,
      loader: Self.loader(fields[loader], of: device, at: fields.position(of: loader), &reading), layout: layout,
      formats: fields[formats], givenHostname: fields[hostname], timezone: fields[timezone],
      programs: programs.compactMap(\.definition),
      files: fields[files], kernel: fields[kernel], network: fields[network], wireless: fields[wireless],
      timeServers: timeServers,
      management: fields[management], splash: fields[splash], consoleCommands: fields[console],
      update: fields[UpdateFormat.key],
      system: nil)
  }

  /// Refuses keys for Cultivar's init if a program of the image takes its place. A key that asks for nothing is accepted.
  private static func refuseIdleKeys(_ fields: Fields, _ reading: inout Reading) {
    let asked: [(key: any KeyDeclaration, isAsked: Bool)] = [
      (network, fields[network] != .none), (wireless, fields[wireless] != nil), (clock, !fields[clock].isEmpty),
      (management, fields[management] != nil),
      (console, fields[console]),
    ]
    for (key, isAsked) in asked where isAsked {
      guard let position = fields.position(of: key) else { continue }
      reading.error(
        "'\(key.entry.name)' has no effect in \(reading.place): its program runs as init, without Cultivar's init",
        at: position, hint: "remove it, or remove 'init: true'")
    }
  }

  /// The boot loader of an image: the one that it names, or that of its device class. Reports one that cannot start the
  /// device class.
  static func loader(
    _ loader: BootLoader?, of device: BuiltInDeviceClass, at position: SourcePosition?, _ reading: inout Reading
  ) -> BootLoader {
    guard let loader else { return device.usualLoader }
    if let position, !device.loaders.contains(loader) {
      reading.error(
        "\(device.rawValue) cannot boot with \(loader.title)", at: position,
        hint: "remove 'loader', or write one of: \(device.loaders.map(\.rawValue).joined(separator: ", "))")
    }
    return loader
  }
}
