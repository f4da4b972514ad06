import FoundationEssentials
import Spelling

/// An entry of `images:` with a distribution.
enum SystemFormat {
  private static let base = OptionalKey(
    "base", BaseFormat.shape,
    "Root file system below all layers: a Debian suite or a published image. Default: the project's suite.",
    example: ["image": "./raspios.img.xz"])
  private static let timezone = DefaultedKey(
    "timezone", Shape.timezone, default: "UTC",
    "Name of the time zone in the tz database. The layer `time-zone` sets it.", example: "Europe/Berlin")
  private static let profile = OptionalKey(
    "profile", Shape.profileName.located, "Profile: a named list of layers.", example: "debian-minimal")
  private static let layers = OptionalKey(
    "layers", layerList, "Layers, by name or by the path of a folder.", example: ["openssh-server", "./layers/gateway"])
  private static let variables = DefaultedKey(
    "variables", GivenVariablesFormat.shape, default: .object([]),
    "Values of the layers' variables, and the image's own variables.", example: ["openssh-server.port": 2222])
  private static let override = DefaultedKey(
    "override", OverrideFormat.overrides, default: .object([]), "Changes to layers, by name of the layer.",
    example: ["openssh-server": ["remove": ["steps": ["delete-host-keys"]]]])
  private static let drop = DefaultedKey(
    "drop", Shape<[Located<String>]>.list(of: Shape.layerName.located), default: [],
    "Layers of the profile to leave out. If a layer requires one, another layer must provide its name.",
    example: ["timesyncd"])
  private static let replace = DefaultedKey(
    "replace", Shape<[DictionaryEntry<Located<String>>]>.dictionary(key: .layerName, value: layerReference.located),
    default: .object([]), "Layers that replace other layers wherever those are named.",
    example: ["timesyncd": "chrony"])

  /// A layer by name or by the path of its folder.
  static let layerReference = Shape<String>.text(
    "a layer's name or path", pattern: #"\#(Shape<String>.layerPattern)|\.{0,2}/.*"#,
    hint: "write a name, or a path that begins with './'")
  /// Layers by name or path.
  static let layerList = Shape<[Located<String>]>.list(of: layerReference.located)

  private static let keys: [any KeyDeclaration] =
    [
      ImageFormat.device, ImageFormat.layout, ImageFormat.formats, ImageFormat.hostname, timezone, base, profile,
      layers, variables, override, drop, replace, ImageFormat.kernel, ImageFormat.loader, UpdateFormat.key,
      ImageFormat.management, ImageFormat.splash,
    ] + PartsFormat.keys

  static let shape = Shape<ImageDefinition>.object(
    "system", about: "An image with a distribution: Debian, made of layers, with systemd as init.", keys: keys,
    rules: [.atLeastOne(of: base, profile, layers)]
  ) { fields, reading in
    var kernel = fields[ImageFormat.kernel]
    var parts = PartsFormat.parts(fields, hasKernel: false, &reading)
    // Kernel arguments and modules of the image belong to its last layer, like its other parts.
    parts.kernelArguments = texts(
      kernel.arguments.map { Located(value: $0, position: kernel.position) }, .kernelArgument, &reading)
    parts.bootModules = texts(kernel.modules, .kernelModule, &reading)
    refuseOtherKernels(kernel, &reading)
    kernel.arguments = []
    kernel.modules = []
    for file in parts.files {
      guard case .overlay = file.content else { continue }
      reading.error(
        "the file has no content in \(reading.place)", at: file.position,
        hint: "add 'source', 'content', 'link', 'folder: true' or 'absent: true'")
    }
    guard let device = fields[ImageFormat.device], let layout = fields[ImageFormat.layout] else { return nil }
    checkSlot(layout, &reading)
    let loader = ImageFormat.loader(
      fields[ImageFormat.loader], of: device, at: fields.position(of: ImageFormat.loader), &reading)
    UpdateFormat.check(fields[UpdateFormat.key], layout, &reading)
    UpdateFormat.checkFormats(
      fields[ImageFormat.formats], at: fields.position(of: ImageFormat.formats), update: fields[UpdateFormat.key],
      &reading)
    if fields.position(of: UpdateFormat.key) == nil, let position = fields.position(of: ImageFormat.management) {
      reading.error(
        "\(reading.place) takes no updates, and a system has the management API only for updates", at: position,
        hint: "add 'update', or remove 'management'")
    }
    let request = SystemRequest(
      base: fields[base], profile: fields[profile], layers: fields[layers] ?? [], variables: fields[variables],
      overrides: fields[override], drops: fields[drop], replacements: fields[replace], parts: parts,
      timezonePosition: fields.position(of: timezone), basePosition: fields.position(of: base))
    return ImageDefinition(
      position: fields.position, name: "", device: device, loader: loader,
      layout: layout,
      formats: fields[ImageFormat.formats], givenHostname: fields[ImageFormat.hostname], timezone: fields[timezone],
      programs: [], files: [], kernel: kernel, network: .none, timeServers: [],
      management: fields[ImageFormat.management], splash: fields[ImageFormat.splash], consoleCommands: false,
      update: fields[UpdateFormat.key],
      system: request)
  }

  /// Smallest slot of a system, in bytes. The essential packages alone need more, even compressed and with paths
  /// excluded.
  private static let minimumSlotSize: Int64 = 32 << 20

  private static func checkSlot(_ layout: LayoutChoice, _ reading: inout Reading) {
    guard case .bytes(let size) = layout.slotSize, (layout.base.minimumSlotSize..<minimumSlotSize).contains(size)
    else { return }
    reading.error(
      "a slot of \(size.asSize) is too small for a system", at: layout.position,
      hint: "at least \(minimumSlotSize.asSize)")
  }

  /// Reports kernels that are not packages of the system. The package database of the device would be wrong with them.
  private static func refuseOtherKernels(_ kernel: KernelDefinition, _ reading: inout Reading) {
    switch kernel.source {
    case .debian(_, suite: nil): return
    case .debian:
      reading.error(
        "the kernel of \(reading.place) cannot have a suite of its own", at: kernel.position,
        hint: "remove 'suite': all packages of a system come from one suite, others from 'repositories' of a layer")
    case .path:
      reading.error(
        "the kernel of \(reading.place) must be a package", at: kernel.position,
        hint: "name a package: `kernel: { package: linux-image-cloud-amd64 }`")
    }
  }

  private static func texts(
    _ items: [Located<String>], _ kind: TextKind, _ reading: inout Reading
  ) -> [VariableText] {
    items.compactMap { item in
      VariableText.parse(item.value, at: item.position, kind: kind) {
        reading.error($0, at: item.position, hint: $1)
      }
    }
  }
}

/// An entry of `images:` of either kind.
enum ImageKindFormat {
  private static let systemKeys = names(SystemFormat.shape)
  private static let applianceKeys = names(ImageFormat.shape)

  /// An appliance or a system.
  static let shape = Shape<ImageDefinition>(.either([ImageFormat.shape.description, SystemFormat.shape.description])) {
    node, reading in
    guard case .mapping(let entries) = node.content else { return ImageFormat.shape.read(node, &reading) }
    let kind = kind(of: entries.map(\.key))
    let (own, other) = kind == .system ? (systemKeys, applianceKeys) : (applianceKeys, systemKeys)
    let strangers = entries.filter { !own.contains($0.key) && other.contains($0.key) }
    let name = reading.entryName.map { " '\($0)'" } ?? ""
    for entry in strangers {
      reading.error(
        kind == .system
          ? "'\(entry.key)' belongs to an appliance, and image\(name) is a system"
          : "'\(entry.key)' belongs to a system, and image\(name) is an appliance",
        at: entry.position,
        hint: kind == .system
          ? "remove it: it is a system because it has \(reason(entries, ["profile", "layers", "base"]))"
          : "remove it: it is an appliance because it has \(reason(entries, ["programs"]))")
    }
    var rest = node
    rest.content = .mapping(entries.filter { entry in !strangers.contains { $0.key == entry.key } })
    return kind == .system ? SystemFormat.shape.read(rest, &reading) : ImageFormat.shape.read(rest, &reading)
  }

  /// Returns the kind of image that a user means with these keys.
  private static func kind(of keys: [String]) -> ImageKind {
    if keys.contains("profile") || keys.contains("layers") { return .system }
    if keys.contains("programs") { return .appliance }
    let onlySystem = systemKeys.filter { !applianceKeys.contains($0) }
    if keys.contains(where: onlySystem.contains) { return .system }
    let unknown = keys.filter { !applianceKeys.contains($0) }
    return unknown.contains {
      ["profile", "layers"].contains(NearestName.nearest(to: $0, among: systemKeys + applianceKeys))
    }
      ? .system : .appliance
  }

  private static func reason(_ entries: [SourceEntry], _ keys: [String]) -> String {
    let given = entries.map(\.key).filter(keys.contains)
    return given.isEmpty ? "keys of one" : given.map { "'\($0)'" }.joined(separator: " and ")
  }

  private static func names(_ shape: Shape<ImageDefinition>) -> [String] {
    if case .object(let object) = shape.description { object.keys.map(\.name) } else { [] }
  }
}
