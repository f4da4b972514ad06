import Bundle
import FoundationEssentials
import HostSystem

/// Makes delta bundles, which update an old release to a new one.
public enum BundleDelta {
  /// A release that devices run, or a new one.
  public enum Release: Sendable {
    /// The release in a bundle.
    case bundle(BundleFile)
    /// The release in slot A of a disk image.
    case disk(DiskRelease)

    /// Writes the release's images to files.
    fileprivate func extract(to folder: URL) async throws -> [(name: String, file: URL)] {
      switch self {
      case .bundle(let bundle):
        try bundle.expectWhole()
        let files = try bundle.extract(to: folder)
        return bundle.manifest.images.compactMap { image in files[image.name].map { (image.name, $0) } }
      case .disk(let disk): return try disk.extract(to: folder)
      }
    }

    /// The manifest of the release, without its images.
    ///
    /// - Parameter images: The images of the release, as files.
    fileprivate func manifest(_ images: [(name: String, file: URL)]) throws -> BundleManifest {
      switch self {
      case .bundle(let bundle):
        var manifest = bundle.manifest
        manifest.images = []
        return manifest
      case .disk(let disk): return try disk.manifest(images)
      }
    }
  }

  /// Makes a bundle from two releases. Images that only the new release has are complete in the bundle.
  ///
  /// - Parameter sign: Signs the manifest; `nil` for no signatures.
  /// - Throws: ``BundleFileFailure``, ``BundleMakingFailure``, `FileFailure`, `CommandFailure`.
  public static func make(
    from old: Release, to new: Release, as file: URL, sign: BundleSigner? = nil
  ) async throws {
    try await withFolder { folder in
      let newImages = try await new.extract(to: folder.appending(path: "new"))
      let manifest = try new.manifest(newImages)
      let oldImages = Dictionary(
        try await old.extract(to: folder.appending(path: "old")).map { ($0.name, $0.file) }
      ) { first, _ in first }
      let inputs = newImages.map { BundleMaker.Input(name: $0.name, file: $0.file, base: oldImages[$0.name]) }
      try await BundleMaker().make(manifest, of: inputs, to: file, sign: sign)
    }
  }

  /// Passes a temporary folder to `body`, and removes it afterwards.
  public static func withFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let folder = try newFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }

  /// Passes a temporary folder to `body`, and removes it afterwards.
  public static func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
    let folder = try newFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  private static func newFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cultivar-bundle-\(UUID().uuidString)")
    try FolderTree.create(folder.path)
    return folder
  }
}

extension BundleFile {
  /// Throws for a delta bundle, which does not contain complete images.
  fileprivate func expectWhole() throws(BundleFileFailure) {
    guard let image = manifest.images.first(where: { $0.base != nil }) else { return }
    throw BundleFileFailure(
      place, reason: "image '\(image.name)' is not complete in it",
      remedy: "give the complete bundle that the build wrote, not a delta bundle")
  }
}
