import Bundle
import Foundation
import HostSystem

/// A bundle on the build host.
public struct BundleFile: Sendable {
  /// The file.
  public let file: URL
  /// Manifest and signatures.
  public let head: BundleHead
  /// What the manifest says.
  public let manifest: BundleManifest
  /// What vouches for it; not judged.
  public let signatures: BundleSignatures

  /// Reads the beginning of a bundle.
  ///
  /// - Throws: ``BundleFileFailure``.
  public init(_ file: URL) throws {
    self.file = file
    (head, manifest, signatures) = try Self.explained(file) {
      let head = try BundleHead(from: FileSource(file.path))
      return (head, try BundleManifest(head.manifest), try BundleSignatures(head.signatures))
    }
  }

  /// Puts the images of the bundle into files, each checked by its tree.
  ///
  /// - Parameters:
  ///   - folder: Gets a file `NAME.img` for each image.
  ///   - bases: Old images by name, where the bundle changes some.
  /// - Returns: The files by name.
  /// - Throws: ``BundleFileFailure``, `FileFailure`.
  @discardableResult public func extract(to folder: URL, bases: [String: URL] = [:]) throws -> [String: URL] {
    try FolderTree.create(folder.path)
    return try Self.explained(file) {
      let source = try FileSource(file.path)
      let bundle = try SignedBundle(BundleHead(from: source)) { _, _ in }
      var (files, targets): ([String: URL], [String: any BlockStorage]) = ([:], [:])
      for image in manifest.images {
        let partial = folder.appending(path: ".\(image.name).partial")
        targets[image.name] = try StorageFile(making: partial.path, size: image.size)
        files[image.name] = partial
      }
      defer { for partial in files.values { try? FileManager.default.removeItem(at: partial) } }
      try BundleInstaller(
        bundle, from: source, bases: try bases.mapValues { try StorageFile($0.path) }, targets: targets
      ).run()
      var result: [String: URL] = [:]
      for (name, partial) in files {
        let target = folder.appending(path: "\(name).img")
        guard rename(partial.path, target.path) == 0 else { throw FileFailure.last("name", target.path) }
        result[name] = target
      }
      return result
    }
  }

  /// Gives the bundle other signatures; the file is replaced when the new one is complete.
  ///
  /// - Throws: `FileFailure`.
  public func replace(signatures: BundleSignatures) throws {
    let partial = file.deletingLastPathComponent().appending(path: ".\(file.lastPathComponent).partial")
    defer { try? FileManager.default.removeItem(at: partial) }
    try FolderTree.replaceFile(
      partial.path, with: BundleHead(manifest: head.manifest, signatures: signatures.bytes).bytes)
    guard let target = FileHandle(forUpdatingAtPath: partial.path) else {
      throw FileFailure.last("write", partial.path)
    }
    guard let source = FileHandle(forReadingAtPath: file.path) else { throw FileFailure.last("read", file.path) }
    try target.seekToEnd()
    try source.seek(toOffset: UInt64(head.length))
    while let bytes = try source.read(upToCount: 1 << 20), !bytes.isEmpty { try target.write(contentsOf: bytes) }
    try target.synchronize()
    try target.close()
    guard rename(partial.path, file.path) == 0 else { throw FileFailure.last("name", file.path) }
  }

  private static func explained<Value>(_ file: URL, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as BundleFailure {
      throw BundleFileFailure(file: file.path, failure: failure)
    } catch let failure as any ExplainedError {
      throw failure
    } catch {
      throw BundleFileFailure(file: file.path, reason: "\(error)", remedy: nil)
    }
  }
}

/// Why a bundle is not usable, in words for people.
public struct BundleFileFailure: ExplainedError {
  private let file: String
  private let reason: String
  /// What can be done.
  public let remedy: String?

  init(file: String, reason: String, remedy: String?) {
    (self.file, self.reason, self.remedy) = (file, reason, remedy)
  }

  init(file: String, failure: BundleFailure) {
    let remedy: String? =
      switch failure {
      case .notABundle: "give a file that `cultivar build` or `cultivar bundle` wrote"
      case .unknownFormat: "use a newer version of Cultivar"
      case .truncated, .altered, .malformed: "copy or fetch the bundle again"
      case .noBase(let image):
        "give the old image with --base \(image)=FILE, or a bundle of the old release with --from"
      case .otherBase: "give the image that the bundle was made from; `cultivar bundle show` tells its tree"
      default: nil
      }
    self.init(file: file, reason: failure.description, remedy: remedy)
  }

  /// What was wrong, and in which file.
  public var problem: String { "\(file): \(reason)" }
}
