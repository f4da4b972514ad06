import ArgumentParser
import BundleMaking
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import ImageBuild
import Project

/// `cultivar build`: builds images.
struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Build images of the project.",
    discussion: """
      Writes build/IMAGE/IMAGE.img and build/IMAGE/manifest.json beside the project file. The result depends on the \
      project, cultivar.lock and the sources of the programs. If nothing has changed, a build only reads them.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var variables: SetOptions

  @Argument(help: "Images to build. Default: all.")
  var images: [String] = []

  @Option(
    name: .customLong("format"),
    help: ArgumentHelp("Also write this format, in addition to the formats in the project file. May be repeated."))
  var formats: [ArtefactFormat] = []

  @Option(
    help: ArgumentHelp(
      """
      Also make delta bundles, for devices with the releases found here: a folder, a bundle, or the URL of one of \
      them. A folder on a web server needs a list bundles.txt. May be repeated.
      """, valueName: "place"))
  var deltaFrom: [String] = []

  @Option(help: "Number of releases to make delta bundles for, the newest first.")
  var deltas = 5

  @OptionGroup var web: WebOptions

  @Option(help: ArgumentHelp("Folder for the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  @Flag(name: [.short, .long], help: "Print only problems.")
  var quiet = false

  @Flag(name: [.short, .long], help: "Also print details of steps, such as the reason for a slower method.")
  var verbose = false

  @Flag(help: "Write the manifests of the images as JSON to standard output.")
  var json = false

  @Flag(help: "Look up nothing. Fail if cultivar.lock lacks an entry.")
  var locked = false

  func validate() throws {
    guard !quiet || !verbose else { throw ValidationError("--quiet and --verbose cannot be combined") }
    guard deltas > 0 else { throw ValidationError("--deltas must be 1 or more") }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let limit = try CacheLimit(environment: ProcessInfo.processInfo.environment)
      let session = try ProjectSession(options, mode: locked ? .required : .kept, quiet: quiet, verbose: verbose)
      var releases = OldReleases()
      for place in deltaFrom { try releases.add(try web.place(place)) }
      var manifests: [BuildManifest] = []
      for image in try session.images(named: images) {
        let artefacts = session.artefacts(of: image, in: output)
        let request = ArtefactRequest(
          formats: formats, oldReleases: releases.outside(artefacts.folder), deltas: deltaFrom.isEmpty ? 0 : deltas)
        let manifest = try await session.build(image, into: artefacts, set: variables.settings, request)
        manifests.append(manifest)
        if !quiet, !json { print(summary(manifest, artefacts)) }
      }
      if images.isEmpty { try await session.lock.tidy() }
      if json {
        try ReadableJSON.print(manifests)
      }
      // The results that this build has used are not removed, whatever their size.
      _ = try session.cache.collect(limit: limit.bytes, ofSharedDisk: limit.isUsual)
    }
  }

  /// Returns the result of a build for the user, with the files beside the raw image.
  private func summary(_ manifest: BuildManifest, _ artefacts: ArtefactFolder) -> String {
    let root = ByteSize(bytes: manifest.sizes["root"] ?? 0)
    let slot = ByteSize(bytes: manifest.slotSize)
    return """
      \(artefacts.image.path)
        \(manifest.identity.project) \(manifest.identity.version) for \(manifest.identity.deviceClass), \
      root \(root) of \(slot), build \(manifest.identity.build.prefix(12))\(others(manifest, artefacts))
      """
  }

  private func others(_ manifest: BuildManifest, _ artefacts: ArtefactFolder) -> String {
    manifest.artefacts.filter { !["raw", "contents", "recipe"].contains($0.format) }.map { artefact in
      let signed =
        artefact.format.hasPrefix("bundle") ? signature(of: artefacts.folder.appending(path: artefact.name)) : ""
      return "\n  \(artefact.name), \(ByteSize(bytes: artefact.size))\(signed)"
    }.joined()
  }

  /// Returns a note for the user about the signatures of a bundle.
  private func signature(of bundle: URL) -> String {
    guard let envelope = try? BundleFile(bundle).envelope() else { return "" }
    let count = envelope.signatures.count + envelope.signers.count
    return count > 0
      ? ", signed"
      : ", unsigned: devices refuse it. Sign it with `cultivar bundle sign`, or name a key with `release: { sign: … }`"
  }
}

extension ArtefactFormat: ExpressibleByArgument {}
