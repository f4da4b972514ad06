import Bundle
import Foundation
import HostSystem

/// A bundle that changes an old release into a new one.
public enum BundleDelta {
  /// Makes a bundle from the bundles of two releases; images that only the new one has are in it as a whole.
  ///
  /// - Parameter sign: Signs the manifest; `nil` for no signatures.
  /// - Throws: ``BundleFileFailure``, ``BundleMakingFailure``, `FileFailure`.
  public static func make(
    from old: BundleFile, to new: BundleFile, as file: URL,
    sign: BundleSigner? = nil
  ) async throws {
    for bundle in [old, new] {
      if let image = bundle.manifest.images.first(where: { $0.base != nil }) {
        throw BundleFileFailure(
          bundle.place, reason: "image '\(image.name)' is not in it as a whole",
          remedy: "give the bundle that the build wrote, not one that changes an older release")
      }
    }
    try await withFolder { folder in
      let (oldImages, newImages) = (
        try old.extract(to: folder.appending(path: "old")), try new.extract(to: folder.appending(path: "new"))
      )
      var manifest = new.manifest
      manifest.images = []
      let inputs = new.manifest.images.compactMap { image in
        newImages[image.name].map { BundleMaker.Input(name: image.name, file: $0, base: oldImages[image.name]) }
      }
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
