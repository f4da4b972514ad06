import Bundle
import FoundationEssentials
import HostSystem

/// A bundle that changes an old release into a new one.
public enum BundleDelta {
  /// A release that devices run, or are to run.
  public enum Release: Sendable {
    /// What a bundle has.
    case bundle(BundleFile)
    /// What is in slot A of a disk image.
    case disk(DiskRelease)

    /// Puts its images into files.
    fileprivate func extract(to folder: URL) async throws -> [(name: String, file: URL)] {
      switch self {
      case .bundle(let bundle):
        try bundle.expectWhole()
        let files = try bundle.extract(to: folder)
        return bundle.manifest.images.compactMap { image in files[image.name].map { (image.name, $0) } }
      case .disk(let disk): return try disk.extract(to: folder)
      }
    }

    /// What it says of itself, without its images.
    ///
    /// - Parameter images: Its images in files.
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

  /// Makes a bundle from two releases; images that only the new one has are in it as a whole.
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

  /// Gives a folder for as long as something is done with it.
  public static func withFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let folder = try newFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }

  /// Gives a folder for as long as something is done with it.
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
  /// Refuses a bundle that changes another release, whose images are not all there.
  fileprivate func expectWhole() throws(BundleFileFailure) {
    guard let image = manifest.images.first(where: { $0.base != nil }) else { return }
    throw BundleFileFailure(
      place, reason: "image '\(image.name)' is not in it as a whole",
      remedy: "give the bundle that the build wrote, not one that changes an older release")
  }
}
