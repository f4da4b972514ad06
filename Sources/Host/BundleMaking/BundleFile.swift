import Bundle
import BundleDownload
import FoundationEssentials
import Glibc
import HostSystem

/// A bundle on the build host or on a web server.
public struct BundleFile: Sendable {
  public let place: BundlePlace
  /// The bytes of manifest and signatures.
  public let head: BundleHead
  public let manifest: BundleManifest
  /// Signatures of the manifest; not verified.
  public let signatures: BundleSignatures

  /// Reads the head of a bundle.
  ///
  /// - Throws: ``BundleFileFailure``.
  public init(at place: BundlePlace) throws {
    self.place = place
    (head, manifest, signatures) = try Self.explained(place) {
      let head = try Self.head(from: try place.source())
      return (head, try BundleManifest(head.manifest), try BundleSignatures(head.signatures))
    }
  }

  /// Reads the head of a bundle in a file.
  ///
  /// - Throws: ``BundleFileFailure``.
  public init(_ file: URL) throws { try self.init(at: .file(file)) }

  private static func head(from source: some BundleSource) throws -> BundleHead { try BundleHead(from: source) }

  /// Writes the images of the bundle to files, and checks each against its hash tree.
  ///
  /// - Parameters:
  ///   - folder: Folder for the files `NAME.img`.
  ///   - bases: Old images by name, for images that the bundle has only as changes.
  /// - Returns: The files by name.
  /// - Throws: ``BundleFileFailure``, `FileFailure`.
  @discardableResult public func extract(to folder: URL, bases: [String: URL] = [:]) throws -> [String: URL] {
    try FolderTree.create(folder.path)
    return try Self.explained(place) {
      let source = try place.source()
      // Use the head that was read, and perhaps verified, before: the file may have changed.
      let bundle = try SignedBundle(head) { _, _ in }
      var (files, targets): ([String: URL], [String: any BlockStorage]) = ([:], [:])
      for image in manifest.images {
        let partial = folder.appending(path: ".\(image.name).partial")
        targets[image.name] = try StorageFile(making: partial.path, size: image.size)
        files[image.name] = partial
      }
      defer { for partial in files.values { try? FileManager.default.removeItem(at: partial) } }
      let checked = try CheckedBundle(bundle, from: source, bases: try bases.mapValues { try StorageFile($0.path) })
      try BundleInstaller(checked, targets: targets).run()
      var result: [String: URL] = [:]
      for (name, partial) in files {
        let target = folder.appending(path: "\(name).img")
        guard rename(partial.path, target.path) == 0 else { throw FileFailure.last("name", target.path) }
        result[name] = target
      }
      return result
    }
  }

  /// Replaces the signatures. Writes a new file, which replaces the old one when it is complete.
  ///
  /// - Throws: `FileFailure`; ``BundleFileFailure`` if the bundle is not a file.
  public func replace(signatures: BundleSignatures) throws {
    guard case .file(let file) = place else {
      throw BundleFileFailure(
        place, reason: "a bundle on a web server cannot be changed", remedy: "download the bundle first")
    }
    let partial = file.deletingLastPathComponent().appending(path: ".\(file.lastPathComponent).partial")
    defer { try? FileManager.default.removeItem(at: partial) }
    try FolderTree.replaceFile(
      partial.path, with: BundleHead(manifest: head.manifest, signatures: signatures.bytes).bytes)
    let target = try OpenFile(partial.path, for: .updating)
    let source = try OpenFile(file.path)
    try target.seekToEnd()
    try source.seek(to: UInt64(head.length))
    try target.write(restOf: source)
    try target.synchronise()
    guard rename(partial.path, file.path) == 0 else { throw FileFailure.last("name", file.path) }
  }

  private static func explained<Value>(_ place: BundlePlace, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as BundleFailure {
      throw BundleFileFailure(place, failure)
    } catch let failure as DownloadFailure {
      throw BundleFileFailure(failure)
    } catch let failure as any ExplainedError {
      throw failure
    } catch {
      throw BundleFileFailure(place, reason: "\(error)", remedy: nil)
    }
  }
}
