import Bundle
import BundleMaking
import DiskImage
import Foundation
import HostSystem

/// The bundle that updates devices to an image: what a slot has of it.
struct ReleaseBundle {
  /// Name of the file.
  static func fileName(image: String) -> String { "\(image).bundle" }

  private let manifest: BundleManifest
  private let images: [(name: String, file: URL)]
  private let commandLine: [UInt8]

  /// Describes a bundle.
  ///
  /// - Parameters:
  ///   - files: Root file system, kernel and initial RAM file system by these names in a slot.
  init(_ parts: ImageParts, files: DiskParts.SlotFiles) {
    manifest = BundleManifest(
      product: "\(parts.image.project)/\(parts.image.image)", devices: [parts.device.name],
      version: parts.identity.version, created: UInt64(clamping: parts.epoch))
    images = [("root", files.root), ("kernel", files.kernel), ("initrd", files.initialRAM)]
    commandLine = Array((parts.arguments.joined(separator: " ") + "\n").utf8)
  }

  /// The bundle as an artefact.
  ///
  /// - Parameter identity: Of the disk, which has all that the bundle has but the kernel's command line.
  func artefact(image: String, disk identity: ContentHash) -> Artefact {
    var key = CacheKey("bundle 1")
    key.add([identity.text, ContentHash(of: manifest.bytes).text, ContentHash(of: commandLine).text])
    return Artefact(name: Self.fileName(image: image), format: "bundle", key: key.hash) { path in
      let line = URL(fileURLWithPath: path + ".command-line")
      defer { try? FileManager.default.removeItem(at: line) }
      try FolderTree.replaceFile(line.path, with: commandLine)
      try await BundleMaker().make(
        manifest, of: (images + [("command-line", line)]).map { .init(name: $0.name, file: $0.file) },
        to: URL(fileURLWithPath: path))
    }
  }
}
