import ArgumentParser
import DebianArchive
import DeviceModel
import Emulator
import Flashing
import FoundationEssentials
import Glibc
import HostNetwork
import HostSystem
import ImageBuild
import Project
import Provisioning
import RaspberryPi
import RemoteDevice

/// `cultivar run`: builds an image and starts it in QEMU.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Build an image and run it in QEMU, with its serial console on this terminal.",
    discussion: """
      The machine uses a copy of the image. The copy is removed at the end, unless you give --keep. The machine ends \
      when it powers off, with Ctrl-A X, or after --for SECONDS. The management port of the image is forwarded \
      automatically. While the machine runs, its token is in build/IMAGE/run/token.

      With --update BUNDLE, the machine is updated over that port as soon as it answers. The command ends \
      the machine when it has committed the release or has fallen back.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var variables: SetOptions

  @Argument(help: "Image to run. Default: the only one of the project.")
  var image: String?

  @Option(
    help: """
      Firmware of the machine. Default: raspberry-pi for images that start on a Raspberry Pi 3 or by tryboot, u-boot for \
      others with that loader, otherwise uefi.
      """)
  var firmware: VirtualMachine.Firmware?

  @Option(
    name: .customLong("forward"),
    help: ArgumentHelp(
      "Forward a port of this machine to a port of the guest. May be repeated.", valueName: "host:guest"))
  var forwards: [VirtualMachine.Forward] = []

  @Option(name: .customLong("for"), help: ArgumentHelp("End the machine after this time.", valueName: "seconds"))
  var seconds: Int?

  @Flag(help: "Open no window, even if there is a display.")
  var headless = false

  @Option(help: ArgumentHelp("Memory of the machine.", valueName: "MiB"))
  var memory = 512

  @Option(help: ArgumentHelp("Size of the machine's disk.", valueName: "MiB"))
  var disk = 2048

  @Option(help: "Accelerator of QEMU. Default: CULTIVAR_ACCELERATOR, or else tcg.")
  var accelerator: VirtualMachine.Accelerator?

  @Option(help: ArgumentHelp("Update the machine with this bundle, and show the result.", valueName: "bundle"))
  var update: String?

  @Flag(help: "Keep the machine's disk, and use it again next time.")
  var keep = false

  @Option(help: ArgumentHelp("Folder of the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  @Flag(name: [.short, .long], help: "Print only problems of the build.")
  var quiet = false

  func validate() throws {
    guard memory >= 128 else { throw ValidationError("--memory must be 128 MiB or more") }
    if let seconds, seconds < 1 { throw ValidationError("--for must be 1 second or more") }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let session = try ProjectSession(options, quiet: quiet)
      let definition = try session.images(named: image.map { [$0] } ?? [])
      guard let image = definition.first, definition.count == 1 else {
        throw ProjectFailure(
          "the project has several images",
          remedy: "name one of them: \(session.project.images.map(\.name).joined(separator: ", "))")
      }
      let artefacts = session.artefacts(of: image, in: output)
      let folder = artefacts.folder.appending(path: "run")
      let copy = folder.appending(path: "disk.img")
      let machine = machine(image, disk: copy)
      try machine.checkHost()
      let build = try await session.build(image, into: artefacts, set: variables.settings).identity.build
      let origin = folder.appending(path: "build").path
      if keep, FileManager.default.fileExists(atPath: copy.path) {
        let kept = (try? FolderTree.readFile(origin)).map { String(decoding: $0, as: UTF8.self) }
        if kept != build {
          StandardError.writeLine(
            """
            cultivar: the kept disk is of another build\(kept.map { " (\($0.prefix(12)))" } ?? ""), \
            and the machine runs that build
              to run build \(build.prefix(12)), leave out --keep once, or update the machine with --update
            """)
        }
      } else {
        try FolderTree.create(folder.path)
        try FolderTree.replaceFile(origin, with: build.utf8)
        try await MachineDisk.copy(artefacts.image, to: copy, size: machine.diskSize(Int64(disk) << 20))
        if image.management != nil {
          try await giveToken(in: folder, disk: copy, tools: try await session.builder.tools())
        }
      }
      defer { if !keep { try? FileManager.default.removeItem(at: folder) } }
      guard let update else { return try await machine.runOnTerminal(in: folder, for: seconds) }
      guard let guest = image.management?.port,
        let port = machine.forwards.first(where: { $0.guest == guest })?.host
      else {
        throw ProjectFailure(
          "cannot update image '\(image.name)': it has no management API", remedy: "add `management:` to the image")
      }
      let source = try RemoteUpdate.Source.bundle(at: URL(fileURLWithPath: update))
      let token = try BearerToken(file: folder.appending(path: "token").path)
      let display = UpdateDisplay(isQuiet: quiet)
      let outcome = try await machine.running(in: folder) { machine in
        let device = try await machine.device(at: DeviceAddress(host: "127.0.0.1", port: port), token)
        return try await RemoteUpdate(device, report: display.show).run(source)
      }
      try display.end(outcome)
    }
  }

  /// Gives the machine its own token, as a device gets one during flashing.
  private func giveToken(in folder: URL, disk: URL, tools: ToolTree) async throws {
    let file = folder.appending(path: "token").path
    unlink(file)
    let token = BearerToken()
    try token.write(to: file)
    try await FirstBootFile.write(
      try FirstBootFile.values(["\(FirstBootValues.Key.managementTokenHash.rawValue)=\(token.hash)"]), to: disk.path
    ) { tools.command($0, $1, to: $2) }
  }

  /// The firmware that starts an image, and the model for that of a Raspberry Pi.
  ///
  /// QEMU has a Raspberry Pi 3. It has no usable 4 and no 5: on its own machine, Raspberry Pi's U-Boot does not start, but
  /// that for QEMU does, with the same script.
  private static func firmware(of image: ImageDefinition) -> (VirtualMachine.Firmware, Model?) {
    let models = DeviceClass(image.device).board?.models ?? []
    switch image.loader {
    case .systemdBoot, .grub: return (.uefi, nil)
    case .tryboot: return (.raspberryPi, models.first)
    case .uBoot: return models.contains(.pi3) ? (.raspberryPi, .pi3) : (.uBoot, nil)
    }
  }

  private func machine(_ image: ImageDefinition, disk: URL) -> VirtualMachine {
    let environment = ProcessInfo.processInfo.environment
    var machine = VirtualMachine(
      disk: disk, firmware: firmware ?? Self.firmware(of: image).0,
      architecture: DeviceClass(image.device).architecture, memory: memory,
      forwards: forwards)
    if let model = Self.firmware(of: image).1 { machine.model = model }
    let isForwarded = { (port: Int) in forwards.contains { $0.guest == port } }
    if let port = image.management?.port, !isForwarded(port) {
      machine.forwards.append(.init(host: port, guest: port))
    }
    machine.hasWindow = !headless && (environment["DISPLAY"] ?? environment["WAYLAND_DISPLAY"]) != nil
    machine.accelerator =
      accelerator ?? environment["CULTIVAR_ACCELERATOR"].flatMap { VirtualMachine.Accelerator(rawValue: $0) } ?? .tcg
    return machine
  }
}

extension RunningMachine {
  /// Maximum time in seconds until a machine answers.
  private static let startTimeout = 600

  /// Returns the machine as a device, once its management API answers. Its certificate is accepted, as the port belongs
  /// to this machine.
  fileprivate func device(at address: DeviceAddress, _ token: BearerToken) async throws -> RemoteDevice {
    let deadline = ContinuousClock.now + .seconds(Self.startTimeout)
    let network = try HostNetwork()
    while ContinuousClock.now < deadline, !isOff {
      do {
        let fingerprint = try await RemoteDevice.presentedFingerprint(at: address, network: network)
        let device = RemoteDevice(address, fingerprint: fingerprint, token: token, network: network)
        _ = try await device.updateStatus()
        return device
      } catch RemoteFailure.notReachable, RemoteFailure.lost, RemoteFailure.refused(status: 503, _) {
        try await Task.sleep(for: .milliseconds(500))
      }
    }
    throw EmulatorFailure.timedOut(
      waitingFor: "its management API", seconds: Self.startTimeout, console: console)
  }
}

extension VirtualMachine.Firmware: ExpressibleByArgument {}

extension VirtualMachine.Accelerator: ExpressibleByArgument {}

extension VirtualMachine.Forward: ExpressibleByArgument {
  /// Parses `HOST:GUEST`, with both ports between 1 and 65535.
  public init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
    guard parts.count == 2, let host = parts[0], let guest = parts[1], host > 0, guest > 0 else { return nil }
    self.init(host: Int(host), guest: Int(guest))
  }
}
