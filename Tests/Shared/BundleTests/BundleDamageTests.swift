import Bundle
import BundleMaking
import Foundation
import Hashing
import TestFixtures
import Testing

/// Tests with damaged, mixed or hostile bundles. Each is refused for its own reason before wrong data is written.
@Suite("Damaged bundles")
struct BundleDamageTests {
  /// A bundle in memory, its images, and the manifest that counts as signed.
  struct Subject {
    var bytes: [UInt8]
    var old: [UInt8]
    var new: [UInt8]
    var isDelta: Bool

    init(isDelta: Bool, seed: UInt64 = 1) async throws {
      let old = Array(Sample.image(seed: seed)[1_200_000..<2_400_000])
      var new = old
      for place in stride(from: 5_000, to: 400_000, by: 77) { new[place] &+= 5 }
      new.replaceSubrange(700_000..<760_000, with: Sample.image(seed: seed + 5).prefix(60_000))
      new.removeLast(4096 * 3)
      (self.old, self.new, self.isDelta) = (old, new, isDelta)
      bytes = try await withTemporaryFolder { folder in
        let (base, image) = (folder.appending(path: "old"), folder.appending(path: "new"))
        try Data(old).write(to: base)
        try Data(new).write(to: image)
        let bundle = folder.appending(path: "bundle")
        try await BundleMaker(wholeLevel: 3).make(
          Sample.manifest, of: [.init(name: "root", file: image, base: isDelta ? base : nil)], to: bundle)
        return try Array(Data(contentsOf: bundle))
      }
    }

    /// The bundle's head.
    var head: BundleHead { get throws { try BundleHead(from: MemorySource(bytes)) } }

    /// The ranges of segment heads and stored frames, in order.
    var parts: [Range<Int>] {
      get throws {
        let bundle = try SignedBundle(head) { _, _ in }
        var (parts, place): ([Range<Int>], Int) = ([], Int(bundle.offset(ofFrames: 0)))
        func add(_ length: Int) {
          parts.append(place..<place + length)
          place += length
        }
        for segment in try bundle.tables(from: MemorySource(bytes))[0] {
          let frames: [Frame]
          switch segment.content {
          case .frames(let some): frames = some
          case .head(let length, _, _):
            let head = Array(bytes[place..<place + length])
            frames = try SegmentHead(head, ofSegment: segment.number, in: bundle.manifest.images[0]).frames
            add(length)
          }
          for stored in frames.compactMap(\.stored) { add(stored.length) }
        }
        return parts
      }
    }

    /// Returns the bundle with other heads and frames.
    func bytes(with parts: [some Collection<UInt8>]) throws -> [UInt8] {
      Array(bytes.prefix(try self.parts[0].lowerBound)) + parts.joined()
    }

    /// Installs bytes if their manifest counts as signed. Returns the failure.
    func failure(of bytes: [UInt8], signed: [UInt8], from base: [UInt8]? = nil) throws -> (BundleFailure?, wrong: Bool)
    {
      let target = MemoryStorage([UInt8](repeating: 0, count: new.count))
      do {
        let source = MemorySource(bytes)
        let bundle = try SignedBundle(BundleHead(from: source)) { manifest, _ in
          guard manifest == signed else { throw BundleFailure.altered(part: "manifest") }
        }
        let checked = try CheckedBundle(
          bundle, from: source, bases: isDelta ? ["root": MemoryStorage(base ?? old)] : [:])
        try BundleInstaller(checked, targets: ["root": target]).run()
        return (nil, Digest(of: target.bytes) != Digest(of: new))
      } catch let failure as BundleFailure {
        // Every written block is the right one.
        let wrong = stride(from: 0, to: new.count, by: BundleLimits.block).contains(where: { start in
          let range = start..<min(start + BundleLimits.block, new.count)
          let digest = Digest(of: target.bytes[range])
          return digest != Digest(of: [UInt8](repeating: 0, count: range.count)) && digest != Digest(of: new[range])
        })
        return (failure, wrong)
      }
    }
  }

  @Test("A byte that changes anywhere is detected before it has an effect", arguments: [false, true])
  func flips(isDelta: Bool) async throws {
    let subject = try await Subject(isDelta: isDelta)
    let head = try subject.head
    #expect(try subject.failure(of: subject.bytes, signed: head.manifest).0 == nil)
    let tables = Int(try SignedBundle(head) { _, _ in }.offset(ofFrames: 0))
    // Every byte of head and tables, and the first, the last and a middle byte of each frame.
    let parts = try subject.parts
    #expect(parts.first?.lowerBound == tables && parts.last?.upperBound == subject.bytes.count)
    let places =
      Array(0..<tables) + parts.flatMap { [$0.lowerBound, $0.lowerBound + $0.count / 2, $0.upperBound - 1] }
    for place in places {
      var bytes = subject.bytes
      bytes[place] ^= 0x10
      let (failure, wrong) = try subject.failure(of: bytes, signed: head.manifest)
      #expect(failure != nil && !wrong, "byte \(place)")
      if place >= tables {
        guard case .altered = failure else {
          Issue.record("byte \(place): \(String(describing: failure))")
          continue
        }
      }
    }
  }

  @Test("A truncated bundle is refused, wherever it ends", arguments: [false, true])
  func truncation(isDelta: Bool) async throws {
    let subject = try await Subject(isDelta: isDelta)
    let manifest = try subject.head.manifest
    // Before and within each frame, and one byte before the end.
    let ends = try subject.parts.flatMap { [$0.lowerBound, $0.lowerBound + $0.count / 2] } + [subject.bytes.count - 1]
    for count in Array(0..<200) + ends {
      let (failure, wrong) = try subject.failure(of: Array(subject.bytes.prefix(count)), signed: manifest)
      guard case .truncated = failure, !wrong else {
        Issue.record("\(count) bytes: \(String(describing: failure))")
        continue
      }
    }
  }

  @Test("A frame in the place of the next one is refused", arguments: [false, true])
  func swapped(isDelta: Bool) async throws {
    let subject = try await Subject(isDelta: isDelta)
    let (manifest, parts) = (try subject.head.manifest, try subject.parts.map { subject.bytes[$0] })
    #expect(parts.count > 1)
    for (first, second) in zip(parts.indices, parts.indices.dropFirst()) where parts[first] != parts[second] {
      var others = parts
      others.swapAt(first, second)
      let (failure, wrong) = try subject.failure(of: subject.bytes(with: others), signed: manifest)
      guard case .altered = failure, !wrong else {
        Issue.record("\(first) and \(second): \(String(describing: failure))")
        continue
      }
    }
  }

  @Test("A frame of another release is refused, wherever it is", arguments: [false, true])
  func mixed(isDelta: Bool) async throws {
    let (one, other) = (try await Subject(isDelta: isDelta), try await Subject(isDelta: isDelta, seed: 3))
    let parts = try one.parts.map { one.bytes[$0] }
    let strangers = try other.parts.map { other.bytes[$0] }
    // Frames that both releases have in common are left out.
    let differing = zip(parts.indices, strangers).filter { parts[$0] != $1 }
    #expect(!differing.isEmpty)
    for (number, stranger) in differing {
      var mixed = parts
      mixed[number] = stranger
      let (failure, wrong) = try one.failure(of: one.bytes(with: mixed), signed: one.head.manifest)
      guard case .altered = failure, !wrong else {
        Issue.record("\(number): \(String(describing: failure))")
        continue
      }
    }
  }

  @Test("A different or damaged old image is detected before anything is written")
  func otherBase() async throws {
    let subject = try await Subject(isDelta: true)
    let manifest = try subject.head.manifest
    for place in [0, 4096, 600_000, 1_100_000] {
      var base = subject.old
      base[place] ^= 1
      let (failure, wrong) = try subject.failure(of: subject.bytes, signed: manifest, from: base)
      // There is no failure if no frame needs that byte.
      #expect(failure == nil || failure == .otherBase(image: "root"), "byte \(place)")
      #expect(!wrong)
    }
    let short = Array(subject.old.dropLast(8192))
    #expect(try subject.failure(of: subject.bytes, signed: manifest, from: short).0 == .otherBase(image: "root"))
  }

  @Test("Tables with impossible values are refused, even if they are signed", arguments: Harm.allCases)
  func harm(harm: Harm) async throws {
    let new = [UInt8](repeating: 7, count: BundleLimits.segment)
    let stored = harm.stored
    var image = BundleImage(
      name: "root", size: UInt64(new.count), content: Digest(of: new),
      tree: HashTree.root(of: [HashTree.digest(ofSegment: new)]),
      base: BundleImage.Base(size: 8 << 20, tree: Digest(of: new)), tableLength: 0, tableDigest: Digest(of: []),
      framesLength: UInt64(stored.count))
    let table = harm.table(digest: HashTree.digest(ofSegment: new), stored: stored)
    (image.tableLength, image.tableDigest) = (UInt32(table.count), Digest(of: table))
    var manifest = Sample.manifest
    manifest.images = [image]
    let bytes = BundleHead(manifest: manifest.bytes, signatures: []).bytes + table + stored
    let source = MemorySource(bytes)
    let bundle = try SignedBundle(BundleHead(from: source)) { _, _ in }
    let target = MemoryStorage([UInt8](repeating: 0, count: new.count))
    let failure = #expect(throws: BundleFailure.self) {
      let checked = try CheckedBundle(
        bundle, from: source, bases: ["root": MemoryStorage([UInt8](repeating: 1, count: 8 << 20))],
        trees: ["root": Digest(of: new)])
      try BundleInstaller(checked, targets: ["root": target]).run()
    }
    #expect("\(try #require(failure))".contains(harm.words))
    #expect(target.bytes.allSatisfy { $0 == 0 })
  }

  /// Attacks by a maker who has a valid key.
  enum Harm: CaseIterable {
    case tooManyBlocks, unknownOperation, rangeBeyondBase, newFromLater, prefixTooLong, tooManyRanges, bomb
    case beforeTheFirst, tooMuchBefore, nothingBefore
    case shortOutput, differenceBeyondBase, overlongNumber, trailing, storedTooLong

    var words: String {
      switch self {
      case .tooManyBlocks, .prefixTooLong, .tooManyRanges, .storedTooLong: "; the limit is"
      case .beforeTheFirst, .tooMuchBefore: "; the limit is"
      case .nothingBefore: "a frame refers to no blocks"
      case .unknownOperation: "an operation is unknown"
      case .rangeBeyondBase, .newFromLater: "goes beyond its image"
      case .bomb, .shortOutput: "it does not decompress to"
      case .differenceBeyondBase: "its difference cannot be applied"
      case .overlongNumber: "longer than it needs to be"
      case .trailing: "a number is 0; the limit is -1"
      }
    }

    /// A Zstandard frame of zeros: 600 MB, 4096 bytes, or a difference that copies from outside the image.
    var stored: [UInt8] {
      switch self {
      case .bomb: Compressed.zeros(600 << 20)
      case .shortOutput: Compressed.zeros(4096)
      // Three bytes of control: copy a segment, no literals, and from -1. The other streams are empty.
      case .differenceBeyondBase: Compressed.plain([5, 0, 0, 0, 0, 0x80, 0x80, 0x20, 0, 0])
      default: []
      }
    }

    func table(digest: Digest, stored: [UInt8]) -> [UInt8] {
      let described: [UInt8] = Self.number(stored.count) + ShortDigest(of: stored).bytes
      // The first segment, with a digest and frames.
      let head: [UInt8] = [0, 1] + digest.bytes
      switch self {
      case .tooManyBlocks: return head + [0] + Self.number(129)
      case .unknownOperation: return head + [9, 1]
      case .rangeBeyondBase: return head + [1] + Self.number(128) + Self.number(2 * 2000)
      case .newFromLater: return head + [2] + Self.number(128) + [0]
      case .prefixTooLong: return head + [5] + Self.number(128) + described + [1, 0] + Self.number(1025)
      case .tooManyRanges: return head + [5] + Self.number(128) + described + Self.number(65)
      case .bomb, .shortOutput: return head + [4] + Self.number(128) + described
      case .differenceBeyondBase: return head + [6] + Self.number(128) + described + [1, 0, 1]
      case .beforeTheFirst: return head + [7] + Self.number(128) + described + [1]
      case .tooMuchBefore: return head + [0, 4, 7] + Self.number(124) + described + [5]
      case .nothingBefore: return head + [0, 4, 7] + Self.number(124) + described + [0]
      case .overlongNumber: return head + [0, 0x81, 0x00]
      case .trailing: return head + [0] + Self.number(128) + [0]
      case .storedTooLong: return head + [4] + Self.number(128) + Self.number(BundleLimits.segment + 1)
      }
    }

    private static func number(_ value: Int) -> [UInt8] {
      var (bytes, rest): ([UInt8], Int) = ([], value)
      repeat {
        bytes.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
        rest >>= 7
      } while rest > 0
      return bytes
    }
  }

  @Test("A device refuses bundles that are for another device or too old, each with its reason")
  func refusals() throws {
    var manifest = Sample.manifest
    (manifest.securityEpoch, manifest.minimumVersion, manifest.expires, manifest.dataSchema) = (3, "1.0", 2000, 2)
    let device = DeviceFacts(
      product: "weather", device: "generic-x86_64", version: "1.1", securityEpoch: 3, dataSchema: 2, now: 1000)
    try manifest.check(for: device)
    func refusal(_ change: (inout DeviceFacts) -> Void) -> BundleFailure? {
      var other = device
      change(&other)
      do throws(BundleFailure) { try manifest.check(for: other) } catch { return error }
      return nil
    }
    #expect(refusal { $0.product = "oven" } == .refused(.otherProduct(bundle: "weather", device: "oven")))
    #expect(refusal { $0.device = "pi" } == .refused(.otherDevice(bundle: ["generic-x86_64"], device: "pi")))
    #expect(refusal { $0.securityEpoch = 4 } == .refused(.lowerEpoch(bundle: 3, device: 4)))
    #expect(refusal { $0.version = "1.0~rc1" } == .refused(.versionTooOld(device: "1.0~rc1", minimum: "1.0")))
    #expect(refusal { $0.dataSchema = 3 } == .refused(.olderDataSchema(bundle: 2, device: 3)))
    #expect(refusal { $0.now = 2000 } == .refused(.expired(at: 2000)))
  }
}

/// Hand-made Zstandard frames (RFC 8878, section 3.1.1).
enum Compressed {
  /// Returns zeros, in blocks that repeat one byte.
  static func zeros(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]
    var rest = count
    while rest > 0 {
      let size = min(rest, 128 << 10)
      rest -= size
      let head = UInt32(size) << 3 | 1 << 1 | (rest == 0 ? 1 : 0)
      bytes += [
        UInt8(truncatingIfNeeded: head), UInt8(truncatingIfNeeded: head >> 8), UInt8(truncatingIfNeeded: head >> 16), 0,
      ]
    }
    return bytes
  }

  /// Returns bytes uncompressed.
  static func plain(_ content: [UInt8]) -> [UInt8] {
    let head = UInt32(content.count) << 3 | 1
    return [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]
      + [UInt8(truncatingIfNeeded: head), UInt8(truncatingIfNeeded: head >> 8), UInt8(truncatingIfNeeded: head >> 16)]
      + content
  }
}

/// A bundle in memory.
final class MemorySource: BundleSource {
  private let bytes: [UInt8]
  /// Number of requested bytes.
  private(set) var fetched = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    guard Int(offset) + count <= bytes.count else { throw BundleFailure.truncated(part: part) }
    fetched += count
    return Array(bytes[Int(offset)..<Int(offset) + count])
  }
}

/// A partition in memory.
final class MemoryStorage: BlockStorage {
  var bytes: [UInt8]
  var size: UInt64 { UInt64(bytes.count) }

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    bytes.withUnsafeBytes {
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + memory.count]))
    }
  }

  func write(_ content: [UInt8], at offset: UInt64) throws {
    bytes.replaceSubrange(Int(offset)..<Int(offset) + content.count, with: content)
  }

  func synchronise() throws {}

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try read(into: memory, at: offset)
  }
}
