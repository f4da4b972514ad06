import Bundle
import BundleMaking
import DiskImage
import FoundationEssentials
import Hashing
import HostSystem
import Project

/// The bundles that update devices to an image.
struct ReleaseBundle {
  private let manifest: BundleManifest
  private let images: [(name: String, file: URL)]
  /// Images without a file of the build: the kernel command line, GRUB with its boot sector, the device trees for U-Boot.
  private let made: [(name: String, bytes: [UInt8])]
  private let signer: ReleaseSigner?

  /// Describes the bundles of a release.
  ///
  /// - Parameters:
  ///   - files: Root file system, kernel, initial RAM file system and boot loaders of a slot.
  ///   - release: The project's definition of the release.
  ///   - signer: The signer of the bundles; `nil` for bundles that are signed later.
  init(
    _ parts: ImageParts, files: DiskParts.SlotFiles, _ release: ReleaseDefinition, signedBy signer: ReleaseSigner?
  ) throws {
    self.signer = signer
    manifest = BundleManifest(
      product: "\(parts.image.project)/\(parts.image.image)", devices: [parts.device.name],
      version: parts.version, securityEpoch: release.epoch, minimumVersion: release.minimumVersion,
      created: UInt64(clamping: parts.epoch), expires: release.expires, dataSchema: release.dataSchema,
      notes: release.notes)
    if let boot = files.boot {
      // The slot's boot partition has everything else.
      images = [("root", files.root), ("boot", boot)]
      made = []
      return
    }
    images =
      [
        ("root", files.root), ("kernel", files.kernel), ("initrd", files.initialRAM),
      ] + (files.loaders.uefi.map { [("loader-uefi", $0)] } ?? [])
    made =
      [("command-line", Array((parts.arguments.joined(separator: " ") + "\n").utf8))]
      + (try files.loaders.grub.map { [("loader-bios", try $0.content())] } ?? [])
      + (parts.loader == .uBoot && !parts.deviceTrees.isEmpty
        ? [("device-trees", try BootLoaderFiles.archive(of: parts.deviceTrees))] : [])
  }

  /// The complete bundle for every device, and delta bundles from old releases, as artefacts.
  ///
  /// - Parameters:
  ///   - identity: Hash of the disk. It covers all contents of the bundle except the kernel command line.
  ///   - request: The old releases and the maximum number of delta bundles.
  func artefacts(image: String, disk identity: Digest, _ request: ArtefactRequest) -> [Artefact] {
    let name = "\(image).bundle"
    var key = CacheKey("bundle 3")
    key.add(signer?.keyIDs ?? [])
    key.add([identity.text, Digest(of: manifest.bytes).text, Digest(of: made.flatMap(\.bytes)).text])
    let whole = Artefact(name: name, format: "bundle", key: key.hash) { path in try await make(at: path) }
    let deltas = request.oldReleases.latest(request.deltas, before: manifest).map { old in
      var deltaKey = CacheKey("bundle delta 2")
      deltaKey.add([key.hash.text, Digest(of: old.head.manifest).text])
      return Artefact(
        name: old.manifest.releaseKey.fileName(besides: name), format: "bundle-delta", key: deltaKey.hash,
        companion: key.hash
      ) { path in
        try await BundleDelta.withFolder { try await make(at: path, from: try old.extract(to: $0)) }
      }
    }
    return [whole] + deltas
  }

  /// Makes a bundle.
  ///
  /// - Parameter bases: Old images by name; empty for a complete bundle.
  private func make(at path: String, from bases: [String: URL] = [:]) async throws {
    let files = made.map { (name: $0.name, file: URL(fileURLWithPath: "\(path).\($0.name)"), bytes: $0.bytes) }
    defer { for file in files { try? FileManager.default.removeItem(at: file.file) } }
    for file in files { try FolderTree.replaceFile(file.file.path, with: file.bytes) }
    try await BundleMaker().make(
      manifest,
      of: (images + files.map { ($0.name, $0.file) }).map { .init(name: $0.name, file: $0.file, base: bases[$0.name]) },
      to: URL(fileURLWithPath: path), sign: signer?.signatures)
  }
}
