import DebianArchive
import FoundationEssentials
import Hashing
import HostSystem

/// Makes archives of a root file system for other tools: a tar archive and an OCI image.
public struct RootArchive: Sendable {
  private let source: RootSource
  private let time: Int64
  private let architecture: Architecture
  private let name: String

  /// Describes the archives.
  ///
  /// - Parameters:
  ///   - time: Timestamp of everything in the archive, in seconds since 1970.
  ///   - name: Name and version of the OCI image, for example `station:1.0.0`.
  public init(_ source: RootSource, time: Int64, architecture: Architecture, name: String) {
    self.source = source
    self.time = time
    self.architecture = architecture
    self.name = name
  }

  /// The cache key of an archive. The same key gives the same bytes.
  ///
  /// - Throws: `FileFailure` if a file of the tree cannot be read.
  public func key(_ kind: String, tools: ToolTree) throws -> Digest {
    var key = CacheKey("root-archive \(kind) 1")
    key.add(try source.identity())
    key.add(tools.identity)
    key.add("\(time) \(architecture.rawValue) \(name)")
    return key.hash
  }

  /// Writes a tar archive, compressed with Zstandard.
  ///
  /// - Throws: `FileFailure`, `CommandFailure`.
  public func writeTar(to path: String, tools: ToolTree) async throws {
    let temporary = "\(path).tar"
    defer { FolderTree.remove(temporary) }
    let archive = try source.archive(at: temporary, time: time)
    try await archive.complete()
    try await Self.compress(archive.path, to: path, tools: tools)
  }

  private static func compress(_ archive: String, to path: String, tools: ToolTree) async throws {
    try await tools.command(
      "zstd", ["-q", "-f", "-12", "-T0", archive, "-o", path], to: "compress the root file system"
    ).run()
  }

  /// Writes an OCI image with one layer as an archive (OCI Image Format Specification 1.1, image-layout.md).
  ///
  /// - Throws: `FileFailure`, `CommandFailure`.
  public func writeOCI(to path: String, tools: ToolTree) async throws {
    let layer = "\(path).layer"
    defer { FolderTree.remove(layer) }
    let temporary = "\(path).layer.tar"
    defer { FolderTree.remove(temporary) }
    let archive = try source.archive(at: temporary, time: time)
    try await archive.complete()
    try await Self.compress(archive.path, to: layer, tools: tools)
    try writeImage(layer: layer, content: Digest(ofFile: archive.path), to: path)
  }

  /// Writes the archive of an image from its compressed layer.
  ///
  /// - Parameter content: Hash of the uncompressed layer.
  private func writeImage(layer: String, content: Digest, to path: String) throws {
    var image = FileTree()
    func add(_ type: String, _ text: some Encodable) throws -> OCIDescriptor {
      let bytes = try Self.json(text)
      let hash = Digest(of: bytes)
      try image.add("blobs/sha256/\(hash)", .file(.bytes(bytes)), mode: 0o644, from: "oci")
      return OCIDescriptor(mediaType: type, digest: "sha256:\(hash)", size: Int64(bytes.count))
    }
    let layerHash = try Digest(ofFile: layer)
    try image.addFile("blobs/sha256/\(layerHash)", from: layer, mode: 0o644, origin: "oci")
    guard case .file(let stored) = image["blobs/sha256/\(layerHash)"]?.kind else { return }
    let type = "application/vnd.oci.image"
    let configuration = try add(
      "\(type).config.v1+json",
      OCIConfiguration(
        created: Date(timeIntervalSince1970: TimeInterval(time)).formatted(.iso8601),
        architecture: architecture.rawValue, os: "linux", config: [:],
        rootfs: .init(type: "layers", diff_ids: ["sha256:\(content)"])))
    let manifest = try add(
      "\(type).manifest.v1+json",
      OCIManifest(
        schemaVersion: 2, mediaType: "\(type).manifest.v1+json", config: configuration,
        layers: [
          OCIDescriptor(mediaType: "\(type).layer.v1.tar+zstd", digest: "sha256:\(layerHash)", size: stored.size)
        ]))
    var named = manifest
    named.annotations = ["org.opencontainers.image.ref.name": name]
    named.platform = ["architecture": architecture.rawValue, "os": "linux"]
    try image.add(
      "index.json",
      .file(
        .bytes(
          try Self.json(
            OCIIndex(schemaVersion: 2, mediaType: "\(type).index.v1+json", manifests: [named])))), mode: 0o644,
      from: "oci")
    try image.add(
      "oci-layout", .file(.bytes(try Self.json(["imageLayoutVersion": "1.0.0"]))), mode: 0o644, from: "oci")
    try TarArchive.write(image, to: path, time: time)
  }

  private static func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}

/// A reference to a blob (descriptor.md).
private struct OCIDescriptor: Encodable {
  var mediaType: String
  var digest: String
  var size: Int64
  var annotations: [String: String]?
  var platform: [String: String]?
}

/// The configuration of an image (config.md).
private struct OCIConfiguration: Encodable {
  struct Root: Encodable {
    var type: String
    var diff_ids: [String]
  }
  var created: String
  var architecture: String
  var os: String
  var config: [String: String]
  var rootfs: Root
}

/// The manifest of an image (manifest.md).
private struct OCIManifest: Encodable {
  var schemaVersion: Int
  var mediaType: String
  var config: OCIDescriptor
  var layers: [OCIDescriptor]
}

/// The index of an image layout (image-index.md).
private struct OCIIndex: Encodable {
  var schemaVersion: Int
  var mediaType: String
  var manifests: [OCIDescriptor]
}
