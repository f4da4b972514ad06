import ArgumentParser
import DeviceModel
import FoundationEssentials
import Glibc
import Hashing
import HostNetwork
import HostSystem
import Project
import RemoteDevice

/// `cultivar update`: updates a device over its management API.
struct UpdateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Update a device over the network, and wait until it commits the release.",
    discussion: """
      Sends BUNDLE, or the project's last built bundle for the device's image. If a delta bundle beside it \
      (X.from-KEY.bundle) is for the release that the device runs, sends the delta bundle instead. The exit status is \
      0 only if the device runs the new release and has committed it; with --restart later or no, if the release is \
      installed.

      The first time, give the token with --token-file, and compare the SHA-256 of the certificate with the output of \
      `cultivarctl api` on the device. Both are kept in ~/.config/cultivar/devices.json.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Device: HOST, or HOST:PORT if the port is not 8443.")
  var host: String

  @Argument(help: "Bundle to send. Default: the one in the project's build folder for the device's image.")
  var bundle: String?

  @Option(help: ArgumentHelp("URL of a bundle that the device fetches itself.", valueName: "url"))
  var url: String?

  @Option(
    help: ArgumentHelp(
      "With --url: SHA-256 of the web server's certificate. Accepts exactly this certificate, without a CA.",
      valueName: "hexadecimal"))
  var serverCertificate: String?

  @Option(help: ArgumentHelp("SHA-256 of the device's certificate.", valueName: "hexadecimal"))
  var fingerprint: String?

  @Option(help: ArgumentHelp("File with the token for the device.", valueName: "file"))
  var tokenFile: String?

  @Option(help: "Time of the trial: now, later (at the next boot), or no (only after `cultivarctl update try`).")
  var restart = UpdateRequest.Restart.now

  @Flag(help: "Install a release again that failed on the device.")
  var force = false

  @Flag(help: "Install a lower version than the running one, if its security epoch allows it.")
  var allowDowngrade = false

  @Option(
    help: ArgumentHelp(
      "Maximum time after the installation without an answer or a new status from the device.", valueName: "seconds"))
  var wait = 600

  @Option(help: ArgumentHelp("Folder of the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  @Flag(name: [.short, .long], help: "Print only problems.")
  var quiet = false

  func validate() throws {
    if bundle != nil, url != nil { throw ValidationError("BUNDLE and --url cannot be combined") }
    if serverCertificate != nil, url == nil { throw ValidationError("--server-certificate needs --url") }
    for text in [fingerprint, serverCertificate].compactMap(\.self) where Digest(fingerprint: text) == nil {
      throw ValidationError("'\(text)' is not a SHA-256: it must have 64 hexadecimal digits, with or without colons")
    }
    guard wait > 0 else { throw ValidationError("--wait must be 1 or more") }
  }

  func run() async throws {
    try await CommandErrors.shown(interrupted: "interrupted; the device continues by itself") {
      let address = try DeviceAddress(host)
      let network = try HostNetwork()
      var known = try KnownDevices(file: KnownDevices.file(ProcessInfo.processInfo.environment))
      let entry = KnownDevices.Entry(
        fingerprint: try await self.fingerprint(of: address, known[address], network),
        token: try token(for: address, known[address]))
      guard let token = BearerToken(entry.token) else { throw RemoteFailure.noTokenFor(address) }
      let device = RemoteDevice(address, fingerprint: entry.fingerprint, token: token, network: network)
      let status = try await device.updateStatus()
      // The certificate and the token are correct: the device has answered and has accepted the token.
      try known.remember(entry, for: address)
      let display = UpdateDisplay(isQuiet: quiet)
      let update = RemoteUpdate(device, patience: .seconds(wait), report: display.show)
      let outcome = try await update.run(
        try source(for: status.image),
        UpdateRequest.Options(restart: restart, force: force, allowDowngrade: allowDowngrade))
      try display.end(outcome)
    }
  }

  private func source(for image: ImageIdentity) throws -> RemoteUpdate.Source {
    if let url { return .url(url, serverCertificate: serverCertificate) }
    if let bundle { return try .bundle(at: URL(fileURLWithPath: bundle)) }
    let project = try ProjectReader().read(try options.file()).project
    guard project.name == image.project else {
      throw ProjectFailure(
        "the device has an image of project '\(image.project.escapedForTerminal)', not of '\(project.name)'",
        remedy: "run the command in that project, or give a bundle")
    }
    let folder = try ProjectArtefacts(options).folder(of: image.image, in: output).folder
    return try .bundle(at: folder.appending(path: "\(image.image).bundle"))
  }

  private func token(for address: DeviceAddress, _ known: KnownDevices.Entry?) throws -> BearerToken {
    if let tokenFile { return try BearerToken(file: tokenFile) }
    guard let token = known.flatMap({ BearerToken($0.token) }) else { throw RemoteFailure.noTokenFor(address) }
    return token
  }

  /// Returns the fingerprint from the command line, or the stored one of a known device. If there is neither, asks the
  /// user to confirm the one that the device presents.
  private func fingerprint(
    of address: DeviceAddress, _ known: KnownDevices.Entry?, _ network: HostNetwork
  ) async throws -> Digest {
    if let given = fingerprint.flatMap(Digest.init(fingerprint:)) { return given }
    if let known { return known.fingerprint }
    let found = try await RemoteDevice.presentedFingerprint(at: address, network: network)
    guard isatty(STDIN_FILENO) == 1 else { throw RemoteFailure.unknownDevice(address, found: found) }
    print(
      """
      The device at \(address) is unknown. The SHA-256 of its certificate is
        \(found)
      Does `cultivarctl api` on the device show the same? [y/N] 
      """, terminator: "")
    fflush(nil)
    // Ctrl-C ends the process here, because cancelling the task would not interrupt `readLine`. Nothing needs a
    // cleanup yet.
    signal(SIGINT, SIG_DFL)
    defer { signal(SIGINT, SIG_IGN) }
    guard ["y", "yes"].contains(readLine()?.lowercased()) else {
      throw RemoteFailure.unknownDevice(address, found: found)
    }
    return found
  }
}

extension UpdateRequest.Restart: ExpressibleByArgument {}
