import ArgumentParser
import FoundationEssentials
import HostSystem
import ImageBuild
import Project
import PublishedDescriptions

/// `cultivar imager-json`: writes catalogues for Raspberry Pi Imager.
struct ImagerJSONCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "imager-json", abstract: "Describe built images for Raspberry Pi Imager.",
    discussion: """
      Writes build/IMAGE/IMAGE.rpi-imager-manifest. Open this file with Raspberry Pi Imager to write the image with your \
      host name, user, keys and Wi-Fi. With --url, also writes build/os_list.json, a catalogue for a web server.

      Uses the last build: the file in the format xz, otherwise zstd, otherwise the raw image.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Images. Default: all of the project.")
  var images: [String] = []

  @Option(help: ArgumentHelp("URL of the folder in which you publish the compressed images.", valueName: "url"))
  var url: String?

  @Option(help: "Customisation that Imager offers: rpi-preseed (Imager 2.0.11 and later), cloudinit or none.")
  var initFormat = ImagerCatalogue.InitFormat.preseed

  @Option(
    help: ArgumentHelp(
      "Imager's tag of a device that the images are for, such as pi4-64bit. May be repeated. Default: from the device class.",
      valueName: "tag"))
  var deviceTag: [String] = []

  @Option(help: ArgumentHelp("Description of the images. Default: project, image and version.", valueName: "text"))
  var description: String?

  @Option(help: ArgumentHelp("URL of an icon. Default: Imager's icon for custom images.", valueName: "url"))
  var icon = "icons/use_custom.png"

  @Option(help: ArgumentHelp("URL of a page about the images.", valueName: "url"))
  var website: String?

  @Option(help: ArgumentHelp("Folder of the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  @Flag(name: [.short, .long], help: "Print only problems.")
  var quiet = false

  func validate() throws {
    for address in [url, website] {
      guard let address else { continue }
      guard address.hasPrefix("https://") || address.hasPrefix("http://") else {
        throw ValidationError("\(address) is not a URL that begins with https:// or http://")
      }
    }
  }

  func run() async throws {
    try await CommandErrors.shown {
      let artefacts = try ProjectArtefacts(options)
      let names = images.isEmpty ? artefacts.imageNames : images
      var entries: [ImagerCatalogue.Entry] = []
      for name in names {
        let folder = try artefacts.folder(of: name, in: output)
        let (entry, file) = try describe(folder)
        var local = entry
        local.url = URL(fileURLWithPath: folder.folder.appending(path: file).path).absoluteString
        let manifest = folder.folder.appending(path: "\(folder.name).rpi-imager-manifest")
        try FolderTree.replaceFile(manifest.path, with: ReadableJSON.encode(ImagerCatalogue([local])))
        if !quiet { print(manifest.path) }
        entries.append(entry)
      }
      guard url != nil, let first = names.first else { return }
      let catalogue = try artefacts.folder(of: first, in: output).folder.deletingLastPathComponent().appending(
        path: "os_list.json")
      try FolderTree.replaceFile(catalogue.path, with: ReadableJSON.encode(ImagerCatalogue(entries)))
      if !quiet { print(catalogue.path) }
    }
  }

  /// Describes the last build of an image.
  ///
  /// - Returns: The entry with its URL on the web, and the name of the file that it is about.
  private func describe(_ folder: ArtefactFolder) throws -> (ImagerCatalogue.Entry, file: String) {
    guard FileManager.default.fileExists(atPath: folder.manifest.path) else { throw ImageFailure.notBuilt(folder.name) }
    let manifest = try JSONDecoder().decode(BuildManifest.self, from: Data(contentsOf: folder.manifest))
    guard let raw = manifest.artefacts.first(where: { $0.format == "raw" }),
      let file = ["xz", "zstd", "raw"].lazy.compactMap({ format in manifest.artefacts.first { $0.format == format } })
        .first
    else { throw ImageFailure.notBuilt(folder.name) }
    for artefact in [raw, file] {
      let path = folder.folder.appending(path: artefact.name).path
      guard try FolderTree.fileSize(path) == artefact.size else {
        throw FileFailure("describe", path, reason: "it was changed after the build; build the image again")
      }
    }
    let identity = manifest.identity
    var tags = deviceTag
    for model in RaspberryPiModel.models(ofDeviceClass: identity.deviceClass)
    where deviceTag.isEmpty && !tags.contains(model.imagerTag) {
      tags.append(model.imagerTag)
    }
    guard !tags.isEmpty else {
      throw ProjectFailure(
        "Raspberry Pi Imager has no device for the class \(identity.deviceClass) of the image `\(folder.name)`",
        remedy: "name the devices that the image is for, such as --device-tag pi4-64bit")
    }
    if initFormat != .none { try checkFirstPartition(manifest, folder) }
    let hasSudo = manifest.layers?.contains("sudo") ?? false
    let base = url.map { $0.hasSuffix("/") ? $0 : "\($0)/" } ?? ""
    let entry = ImagerCatalogue.Entry(
      name: "\(identity.project) \(identity.image) \(identity.version)",
      description: description ?? "\(identity.image) \(identity.version) of \(identity.project)", icon: icon,
      url: base + file.name, extractSize: raw.size, extractHash: raw.sha256.text, downloadSize: file.size,
      downloadHash: file.sha256.text, releaseDate: Self.date(manifest.epoch), initFormat: initFormat, devices: tags,
      capabilities: hasSudo && initFormat == .preseed ? ["passwordless_sudo"] : [], website: website)
    return (entry, file.name)
  }

  /// Checks that the first partition is FAT, as Imager writes its files only there.
  private func checkFirstPartition(_ manifest: BuildManifest, _ folder: ArtefactFolder) throws {
    guard try folder.hasFATInFirstPartition(manifest) else {
      throw ProjectFailure(
        "Raspberry Pi Imager cannot customise the image `\(folder.name)`: its first partition is not FAT",
        remedy: "write --init-format none")
    }
  }

  /// A date in UTC: `2026-12-01`.
  private static func date(_ seconds: Int64) -> String {
    String(Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601).prefix(10))
  }
}

extension ImagerCatalogue.InitFormat: ExpressibleByArgument {}
