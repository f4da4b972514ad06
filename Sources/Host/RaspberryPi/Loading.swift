/// The loading of the files of one partition by the firmware: from `config.txt` to the start of the kernel.
struct Loading {
  let model: Model
  let partition: BootMedium.Partition
  /// `config.txt` or `tryboot.txt`.
  let configuration: String
  let isTrial: Bool
  var log: [String]

  /// The reason why nothing is started.
  struct Refusal: Error {
    var reason: String
    var log: [String]
  }

  private static let kernelLimit = 256 << 20
  private static let initialRAMLimit = 512 << 20
  private static let deviceTreeLimit = 1 << 20
  private static let commandLineLimit = 16 << 10
  private static let includeDepth = 8
  private static let mostIncludes = 64
  private static let mostLines = 10_000

  private func refuse(_ reason: String) -> Refusal { Refusal(reason: reason, log: log) }

  // MARK: config.txt

  /// The lines that apply.
  private struct Settings {
    var values: [String: String] = [:]
    var overlays: [String] = []
    var initialRAM: [String] = []
    var lineCount = 0
    var includeCount = 0
  }

  private mutating func settings() throws -> Settings {
    var settings = Settings()
    guard let bytes = try partition.read(configuration, limit: ConfigText.sizeLimit) else {
      // Only the 5 needs the file.
      guard model.chip < .bcm2712, !isTrial else { throw refuse("there is no \(configuration)") }
      log.append("there is no \(configuration): all settings have their defaults")
      return settings
    }
    var condition = ConfigCondition()
    try read(bytes, of: configuration, &condition, depth: 0, into: &settings)
    return settings
  }

  private mutating func read(
    _ bytes: [UInt8], of file: String, _ condition: inout ConfigCondition, depth: Int, into settings: inout Settings
  ) throws {
    for line in ConfigText(bytes).lines {
      settings.lineCount += 1
      guard settings.lineCount <= Self.mostLines else {
        throw refuse("the settings have more than \(Self.mostLines) lines")
      }
      if line.isCut { log.append("\(file):\(line.number): cut at \(ConfigText.lineLimit) characters") }
      if case .filter(let name) = line.content {
        if ConfigFilter(name) == nil {
          log.append("\(file):\(line.number): unknown filter [\(name)], false until [all]")
        }
        condition.apply(name)
      }
      guard condition.holds(on: model, tryboot: isTrial) else { continue }
      switch line.content {
      case .setting("dtoverlay", let value): settings.overlays.append(value)
      case .setting("dtparam", _): break
      case .setting(let key, let value): settings.values[key] = value
      case .initialRAM(let files, _): settings.initialRAM = files
      case .include(let name):
        guard depth < Self.includeDepth else {
          throw refuse("\(file):\(line.number): files include each other more than \(Self.includeDepth) deep")
        }
        settings.includeCount += 1
        guard settings.includeCount <= Self.mostIncludes else {
          throw refuse("more than \(Self.mostIncludes) files are included")
        }
        let name = String(decoding: name.utf8.prefix(ConfigText.nameLimit), as: UTF8.self)
        guard let included = try partition.read(name, limit: ConfigText.sizeLimit) else {
          log.append("\(file):\(line.number): cannot open \(name)")
          continue
        }
        // The file takes the place of the line, so its filters also apply to the lines after it.
        try read(included, of: name, &condition, depth: depth + 1, into: &settings)
      case .filter: break
      case .unknown(let text): log.append("\(file):\(line.number): ignored: \(text)")
      }
    }
  }

  // MARK: Files

  /// Checks the firmware files of models that load them from the disk.
  private mutating func checkFirmware(_ values: [String: String]) throws {
    guard model.chip < .bcm2712 else { return }
    let four = model.chip == .bcm2711 ? "4" : ""
    var (start, fixup) = ("start\(four).elf", "fixup\(four).dat")
    if values["start_x"] == "1" { (start, fixup) = ("start\(four)x.elf", "fixup\(four)x.dat") }
    if values["start_x"] == "1", four.isEmpty { (start, fixup) = ("start_x.elf", "fixup_x.dat") }
    if values["start_debug"] == "1" {
      (start, fixup) = four.isEmpty ? ("start_db.elf", "fixup_db.dat") : ("start4db.elf", "fixup4db.dat")
    }
    start = values["start_file"] ?? start
    fixup = values["fixup_file"] ?? fixup
    for file in [start, fixup] where try !partition.has(file) { throw refuse("there is no \(file)") }
    log.append("firmware: \(start), \(fixup)")
  }

  mutating func start() throws -> FirmwareDouble.Start {
    let settings = try settings()
    let values = settings.values
    try checkFirmware(values)
    let names = try kernelNames(values)
    let isUpstream = (values["upstream_kernel"] ?? "0") != "0"
    let prefix = try prefix(values, kernels: names, isUpstream: isUpstream)

    guard let kernel = try first(of: names, prefix, limit: Self.kernelLimit) else {
      throw refuse("there is no kernel \(names.map { Self.path($0, prefix) }.joined(separator: " or "))")
    }
    log.append("kernel: \(kernel.path)")
    if values["device_tree"] == "" {
      throw refuse("config.txt has device_tree= without a name, and 64-bit kernels need one")
    }
    let trees = Self.deviceTrees(values, model, isUpstream: isUpstream)
    guard let tree = try first(of: trees, prefix, limit: Self.deviceTreeLimit) else {
      throw refuse("there is no device tree \(trees.map { Self.path($0, prefix) }.joined(separator: " or "))")
    }
    log.append("device tree: \(tree.path)")
    if isUpstream, model.deviceTrees.contains(where: { tree.path.hasSuffix($0) }),
      !model.upstreamDeviceTrees.contains(where: { tree.path.hasSuffix($0) })
    {
      log.append("the firmware would apply the overlay “upstream” to this device tree")
    }
    return FirmwareDouble.Start(
      partition: partition.number, isTrial: isTrial, kernel: kernel,
      initialRAM: try initialRAM(settings, kernel: kernel.path, prefix), deviceTree: tree,
      commandLine: try commandLine(values, prefix), overlays: try overlays(settings, prefix), settings: values,
      machine: model.machine, log: log)
  }

  /// A path with the prefix. An absolute path bypasses it.
  private static func path(_ name: String, _ prefix: String) -> String {
    name.hasPrefix("/") ? String(name.dropFirst()) : prefix + name
  }

  private func first(of names: [String], _ prefix: String, limit: Int) throws -> FirmwareDouble.File? {
    for name in names {
      let path = Self.path(name, prefix)
      if let bytes = try partition.read(path, limit: limit) { return FirmwareDouble.File(path: path, bytes: bytes) }
    }
    return nil
  }

  /// The names of the kernel, the preferred one first.
  private mutating func kernelNames(_ values: [String: String]) throws -> [String] {
    let named = values["kernel"].flatMap { $0.isEmpty ? nil : $0 }
    var is64Bit = model.prefers64Bit
    // The names of 64-bit kernels that the firmware knows set the mode.
    if let named, ["kernel8.img", "kernel_2712.img"].contains(named.lowercased()) { is64Bit = true }
    if let named, ["kernel.img", "kernel7.img", "kernel7l.img"].contains(named.lowercased()) { is64Bit = false }
    if let value = values["arm_64bit"] { is64Bit = value != "0" }
    // The 5 has no 32-bit mode for kernels.
    guard is64Bit || model.chip == .bcm2712 else {
      throw refuse("the firmware would start a 32-bit kernel: arm_64bit=1 is missing in \(configuration)")
    }
    return named.map { [$0] } ?? model.kernels
  }

  private static func deviceTrees(_ values: [String: String], _ model: Model, isUpstream: Bool) -> [String] {
    if let named = values["device_tree"] { return [named] }
    return isUpstream ? model.upstreamDeviceTrees + model.deviceTrees : model.deviceTrees
  }

  /// The prefix of the system's files. The firmware ignores one without kernel and device tree.
  private mutating func prefix(_ values: [String: String], kernels: [String], isUpstream: Bool) throws -> String {
    guard let wanted = values["os_prefix"] ?? (isUpstream ? "upstream/" : nil), !wanted.isEmpty else { return "" }
    let trees = Self.deviceTrees(values, model, isUpstream: isUpstream)
    guard try kernels.contains(where: { try partition.has(Self.path($0, wanted)) }),
      try trees.contains(where: { try partition.has(Self.path($0, wanted)) })
    else {
      log.append("os_prefix \(wanted) is ignored: it has no kernel and device tree")
      return ""
    }
    log.append("os_prefix: \(wanted)")
    return wanted
  }

  private mutating func commandLine(_ values: [String: String], _ prefix: String) throws -> String {
    let path = Self.path(values["cmdline"] ?? "cmdline.txt", prefix)
    guard let bytes = try partition.read(path, limit: Self.commandLineLimit) else {
      log.append("there is no \(path): the command line is empty")
      return ""
    }
    return CommandLineText(bytes).line
  }

  private mutating func initialRAM(_ settings: Settings, kernel: String, _ prefix: String) throws -> [UInt8]? {
    var files = settings.initialRAM
    if files.isEmpty, let named = settings.values["ramfsfile"] { files = named.split(separator: ",").map(String.init) }
    if files.isEmpty, settings.values["auto_initramfs"] == "1" {
      let name = kernel.split(separator: "/").last.map(String.init) ?? kernel
      guard name.hasPrefix("kernel"), name.hasSuffix(".img") else {
        log.append("auto_initramfs is ignored: the kernel’s name is not kernel….img")
        return nil
      }
      // In the folder of the kernel: kernel8.img has initramfs8.
      let folder = kernel.dropLast(name.count)
      let path = "/\(folder)initramfs\(name.dropFirst("kernel".count).dropLast(".img".count))"
      guard let bytes = try partition.read(path, limit: Self.initialRAMLimit) else {
        log.append("auto_initramfs is ignored: there is no \(path.dropFirst())")
        return nil
      }
      log.append("initial RAM file system: \(path.dropFirst())")
      return bytes
    }
    guard !files.isEmpty else { return nil }
    var all: [UInt8] = []
    for file in files {
      let path = Self.path(file, prefix)
      guard let bytes = try partition.read(path, limit: Self.initialRAMLimit - all.count) else {
        log.append("there is no \(path): initramfs is disabled")
        return nil
      }
      log.append("initial RAM file system: \(path)")
      all += bytes
    }
    return all
  }

  /// The paths of the overlays. They have the system's prefix only if it has `overlays/README`.
  private mutating func overlays(_ settings: Settings, _ prefix: String) throws -> [String] {
    let folder = settings.values["overlay_prefix"] ?? "overlays/"
    let isOwn = try !prefix.isEmpty && partition.has(prefix + folder + "README")
    if !prefix.isEmpty, !isOwn, !settings.overlays.isEmpty {
      log.append("there is no \(prefix)\(folder)README: overlays come from \(folder)")
    }
    var paths: [String] = []
    for overlay in settings.overlays {
      // An empty name ends the parameters of the overlay before.
      guard let name = overlay.split(separator: ",").first, !name.isEmpty else { continue }
      let path = "\(isOwn ? prefix : "")\(folder)\(name).dtbo"
      if try partition.has(path) {
        paths.append(path)
      } else {
        log.append("there is no \(path)")
      }
    }
    return paths
  }
}
