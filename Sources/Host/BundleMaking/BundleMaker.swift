import Bundle
import FoundationEssentials
import Glibc
import Hashing
import HostSystem

/// Signs the bytes of a manifest; returns `nil` for no signatures.
public typealias BundleSigner = @Sendable (_ manifest: [UInt8]) async throws -> BundleSignatures?

/// Makes bundles from image files.
public struct BundleMaker: Sendable {
  public struct Input: Sendable {
    /// Name of the image in the bundle.
    public var name: String
    public var file: URL
    /// The old image, if the bundle contains only changes of it; `nil` for a complete image.
    public var base: URL?

    public init(name: String, file: URL, base: URL? = nil) {
      self.name = name
      self.file = file
      self.base = base
    }
  }

  /// Compression levels for complete images and for changes, from 1 (fast) to 22 (small).
  private let level: (whole: Int, delta: Int)

  /// Number of segments that each worker makes before the results are written.
  private static let batch = 16

  /// - Parameter wholeLevel: Compression level of complete images, from 1 (fast) to 22 (small).
  public init(wholeLevel: Int = 9) { level = (wholeLevel, 19) }

  /// Makes a bundle from images.
  ///
  /// - Parameters:
  ///   - manifest: The manifest without images.
  ///   - inputs: The images, in the order of their frames.
  ///   - file: Path of the bundle. The file appears only when it is complete.
  ///   - sign: Signs the manifest; `nil` for no signatures.
  /// - Returns: The manifest as written.
  /// - Throws: `FileFailure`, ``BundleMakingFailure``, errors of `sign`.
  @discardableResult public func make(
    _ manifest: BundleManifest, of inputs: [Input], to file: URL,
    sign: BundleSigner? = nil
  ) async throws -> BundleManifest {
    var manifest = manifest
    let frames = try SpooledFile(beside: file)
    var tables: [[UInt8]] = []
    for input in inputs {
      let (image, table) = try await encode(input, into: frames)
      manifest.images.append(image)
      tables.append(table)
    }
    guard tables.reduce(0, { $0 + $1.count }) <= BundleLimits.tables else {
      throw BundleMakingFailure.tooManySegments(file.lastPathComponent)
    }
    let bytes = manifest.bytes
    let signatures = try await sign?(bytes)
    let head = BundleHead(manifest: bytes, signatures: signatures.map(\.bytes) ?? [])
    try frames.write(to: file, after: head.bytes + tables.joined())
    return manifest
  }

  /// Encodes an image and appends its frames to the file.
  private func encode(_ input: Input, into frames: SpooledFile) async throws -> (BundleImage, table: [UInt8]) {
    let image = try MappedImage(input.file.path)
    guard (1...BundleLimits.image).contains(UInt64(image.bytes.count)) else {
      throw BundleMakingFailure.size(input.file.path, image.bytes.count)
    }
    let base = try input.base.map { try MappedImage($0.path) }
    // Keep the images alive while their bytes are in use.
    defer { withExtendedLifetime((image, base)) {} }
    let encoder = ImageEncoder(image, from: base, level: base == nil ? level.whole : level.delta)
    var (digests, segments, length): ([Digest], [Segment], UInt64) = ([], [], 0)
    let workers = ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: encoder.segmentCount, by: workers * Self.batch) {
      let numbers = start..<min(start + workers * Self.batch, encoder.segmentCount)
      for made in await Self.make(numbers, by: encoder, workers: workers) {
        digests.append(made.digest)
        guard let made = made.segment else { continue }
        segments.append(made.segment)
        length += UInt64(made.stored.count)
        try frames.append(made.stored)
      }
    }
    let table = SegmentTable.bytes(of: segments)
    let described = BundleImage(
      name: input.name, size: UInt64(image.bytes.count), content: Digest(of: image.bytes),
      tree: HashTree.root(of: digests), base: try base.map { try Self.describe($0, input.base) },
      tableLength: UInt32(clamping: table.count), tableDigest: Digest(of: table), framesLength: length)
    return (described, table)
  }

  private static func describe(_ base: MappedImage, _ file: URL?) throws -> BundleImage.Base {
    guard !base.bytes.isEmpty else { throw BundleMakingFailure.size(file?.path ?? "", 0) }
    return BundleImage.Base(size: UInt64(base.bytes.count), tree: HashTree.root(of: base.bytes))
  }

  /// Makes segments in parallel, and returns them in their order.
  private static func make(
    _ numbers: Range<Int>, by encoder: ImageEncoder, workers: Int
  ) async -> [(digest: Digest, segment: MadeSegment?)] {
    await withTaskGroup(of: [Int: (digest: Digest, segment: MadeSegment?)].self) { group in
      for worker in 0..<workers {
        group.addTask {
          let maker = FrameMaker()
          var made: [Int: (digest: Digest, segment: MadeSegment?)] = [:]
          for number in numbers where number % workers == worker {
            made[number] = (encoder.digest(ofSegment: number), encoder.segment(number, by: maker))
          }
          return made
        }
      }
      var all: [Int: (digest: Digest, segment: MadeSegment?)] = [:]
      for await made in group { all.merge(made) { one, _ in one } }
      return numbers.compactMap { all[$0] }
    }
  }
}

extension HashTree {
  /// The root of the hash tree of an image.
  public static func root(of image: UnsafeRawBufferPointer) -> Digest {
    root(
      of: stride(from: 0, to: image.count, by: BundleLimits.segment).map { start in
        digest(
          ofSegment: UnsafeRawBufferPointer(
            rebasing: image[start..<min(start + BundleLimits.segment, image.count)]))
      })
  }

  /// The root of the hash tree of an image file, which must not be empty.
  ///
  /// - Throws: `FileFailure`.
  public static func root(ofFile path: String) throws(FileFailure) -> Digest {
    let image = try MappedImage(path)
    // Keep the image alive while its bytes are in use.
    return withExtendedLifetime(image) { root(of: image.bytes) }
  }
}

/// A temporary file beside the bundle that collects the frames, because the head before them is made last.
private final class SpooledFile {
  private let spool: URL
  private let content: OpenFile

  init(beside file: URL) throws {
    try FolderTree.create(file.deletingLastPathComponent().path)
    spool = file.deletingLastPathComponent().appending(path: ".\(file.lastPathComponent).frames")
    try FolderTree.replaceFile(spool.path, with: [])
    content = try OpenFile(spool.path, for: .updating)
  }

  deinit { try? FileManager.default.removeItem(at: spool) }

  func append(_ bytes: [UInt8]) throws { try content.write(bytes) }

  /// Writes the head and all collected bytes to a file, which gets its name when it is complete.
  func write(to file: URL, after head: [UInt8]) throws {
    let partial = file.deletingLastPathComponent().appending(path: ".\(file.lastPathComponent).partial")
    defer { try? FileManager.default.removeItem(at: partial) }
    try FolderTree.replaceFile(partial.path, with: head)
    let target = try OpenFile(partial.path, for: .updating)
    try target.seekToEnd()
    try content.seek(to: 0)
    try target.write(restOf: content)
    try target.synchronise()
    guard rename(partial.path, file.path) == 0 else { throw FileFailure.last("name", file.path) }
  }
}

/// An error for a bundle that cannot be made.
public enum BundleMakingFailure: ExplainedError, Equatable {
  /// An image has a size that bundles do not support.
  case size(String, Int)
  /// The images are too large for one bundle.
  case tooManySegments(String)

  public var problem: String {
    switch self {
    case .size(let path, let size): "cannot make a bundle of \(path): it has \(size) bytes"
    case .tooManySegments(let name): "cannot make \(name): its tables of segments would be larger than a device accepts"
    }
  }

  public var remedy: String? {
    switch self {
    case .size: "an image can have 1 byte to \(BundleLimits.image >> 30) GiB"
    case .tooManySegments: "the images of one bundle can have about 30 GiB in total"
    }
  }
}
