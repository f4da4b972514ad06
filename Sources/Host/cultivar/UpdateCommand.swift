import ArgumentParser
import DeviceModel
import FoundationEssentials
import Glibc
import HostNetwork
import HostSystem
import Project
import RemoteDevice

/// `cultivar update`: updates a device over its management API.
struct UpdateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Update a device over the network, and wait until it has proved itself.",
    discussion: """
      Sends BUNDLE, or what was built of the project for the device's image; a small bundle beside it (X.from-KEY.bundle) in its
      place where it fits what the device runs. Ends with status 0 only when the device is back with the new release, committed;
      with --restart later or no, when the release is installed.

      The first time, give the token with --token-file, and compare the certificate's SHA-256 with what `cultivarctl api` shows on
      the device. Both are remembered in ~/.config/cultivar/devices.json.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Device: a host, with :PORT where it is not 8443.")
  var host: String

  @Argument(help: "Bundle to send. Left out: the one in the project's build folder for the image that the device has.")
  var bundle: String?

  @Option(help: ArgumentHelp("Have the device fetch this bundle itself.", valueName: "url"))
  var url: String?

  @Option(
    help: ArgumentHelp(
      "With --url: SHA-256 of the web server's certificate, which then nobody else needs to vouch for.",
      valueName: "hexadecimal"))
  var serverCertificate: String?

  @Option(help: ArgumentHelp("SHA-256 of the device's certificate.", valueName: "hexadecimal"))
  var fingerprint: String?

  @Option(help: ArgumentHelp("File with the token that the device takes.", valueName: "file"))
  var tokenFile: String?

  @Option(help: "When the device tries the release: now, later (at its next start), or no (when it is told to).")
  var restart = UpdateRequest.Restart.now

  @Flag(help: "Try a release again that has failed on the device.")
  var force = false

  @Flag(help: "Install a release whose version is lower than the one that runs, if its security epoch allows.")
  var allowDowngrade = false

  @Option(help: ArgumentHelp("How long the device may say nothing new after the installation.", valueName: "seconds"))
  var wait = 600

  @Option(help: ArgumentHelp("Folder of the artefacts, in place of build/.", valueName: "folder"))
  var output: String?

  @Flag(name: [.short, .long], help: "Say nothing unless something is wrong.")
  var quiet = false

  func validate() throws {
    if bundle != nil, url != nil { throw ValidationError("BUNDLE and --url exclude each other") }
    if serverCertificate != nil, url == nil { throw ValidationError("--server-certificate belongs to --url") }
    for text in [fingerprint, serverCertificate].compactMap(\.self) where Fingerprint(hexadecimal: text) == nil {
      throw ValidationError("'\(text)' is no SHA-256: it has 64 hexadecimal digits, with or without colons")
    }
    guard wait > 0 else { throw ValidationError("--wait is 1 or more") }
  }

  func run() async throws {
    try await CommandErrors.shown(interrupted: "interrupted; the device goes on by itself with what it has") {
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
        "the device has an image of project '\(image.project.escapedForTerminal)', and this is '\(project.name)'",
        remedy: "go to that project, or name a bundle")
    }
    let folder = try ProjectArtefacts(options).folder(of: image.image, in: output).folder
    return try .bundle(at: folder.appending(path: "\(image.image).bundle"))
  }

  private func token(for address: DeviceAddress, _ known: KnownDevices.Entry?) throws -> BearerToken {
    if let tokenFile { return try BearerToken(file: tokenFile) }
    guard let token = known.flatMap({ BearerToken($0.token) }) else { throw RemoteFailure.noTokenFor(address) }
    return token
  }

  /// Returns the fingerprint from the command line or of the known device. Otherwise asks the user to verify the
  /// device's.
  private func fingerprint(
    of address: DeviceAddress, _ known: KnownDevices.Entry?, _ network: HostNetwork
  ) async throws -> Fingerprint {
    if let given = fingerprint.flatMap(Fingerprint.init(hexadecimal:)) { return given }
    if let known { return known.fingerprint }
    let found = try await RemoteDevice.presentedFingerprint(at: address, network: network)
    guard isatty(STDIN_FILENO) == 1 else { throw RemoteFailure.unknownDevice(address, found: found) }
    print(
      """
      The device at \(address) is not known here. The SHA-256 of its certificate is
        \(found)
      Is that what `cultivarctl api` shows on the device? [y/N] 
      """, terminator: "")
    fflush(nil)
    // Nothing is done yet that needs a cleanup, and cancelling the task would not interrupt `readLine`.
    signal(SIGINT, SIG_DFL)
    defer { signal(SIGINT, SIG_IGN) }
    guard ["y", "yes"].contains(readLine()?.lowercased()) else {
      throw RemoteFailure.unknownDevice(address, found: found)
    }
    return found
  }
}

extension UpdateRequest.Restart: ExpressibleByArgument {}
