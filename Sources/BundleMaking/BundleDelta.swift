import Bundle
import Foundation
import HostSystem

/// A bundle that changes an old release into a new one.
public enum BundleDelta {
  /// What devices run that are to be updated.
  public enum OldRelease: Sendable {
    /// What a bundle has.
    case bundle(BundleFile)
    /// What is in slot A of a disk image.
    case disk(DiskRelease)

    /// Puts its images into files, by name.
    func extract(to folder: URL) async throws -> [String: URL] {
      switch self {
      case .bundle(let bundle):
        try bundle.expectWhole()
        return try bundle.extract(to: folder)
      case .disk(let disk): return try await disk.extract(to: folder)
      }
    }
  }

  /// Makes a bundle from two releases; images that only the new one has are in it as a whole.
  ///
  /// - Parameter sign: Signs the manifest; `nil` for no signatures.
  /// - Throws: ``BundleFileFailure``, ``BundleMakingFailure``, `FileFailure`, `CommandFailure`.
  public static func make(
    from old: OldRelease, to new: BundleFile, as file: URL, sign: BundleSigner? = nil
  ) async throws {
    try new.expectWhole()
    try await withFolder { folder in
      let oldImages = try await old.extract(to: folder.appending(path: "old"))
      let newImages = try new.extract(to: folder.appending(path: "new"))
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

extension BundleFile {
  /// Refuses a bundle that changes another release, whose images are not all there.
  fileprivate func expectWhole() throws(BundleFileFailure) {
    guard let image = manifest.images.first(where: { $0.base != nil }) else { return }
    throw BundleFileFailure(
      place, reason: "image '\(image.name)' is not in it as a whole",
      remedy: "give the bundle that the build wrote, not one that changes an older release")
  }
}
