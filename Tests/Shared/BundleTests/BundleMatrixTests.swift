import Bundle
import BundleMaking
import Foundation
import Testing
import TestFixtures

@Suite("Bundles")
struct BundleMatrixTests {
  @Test(
    "A changed, grown, shrunk, moved or replaced image is reproduced byte for byte", arguments: Change.allCases)
  func roundTrip(change: Change) async throws {
    try await withTemporaryFolder { folder in
      let old = Sample.image(seed: 1)
      let new = change.applied(to: old)
      let (base, image) = (folder.appending(path: "old"), folder.appending(path: "new"))
      try Data(old).write(to: base)
      try Data(new).write(to: image)
      for isDelta in [false, true] {
        let bundle = folder.appending(path: "bundle")
        try await BundleMaker().make(
          Sample.manifest, of: [.init(name: "root", file: image, base: isDelta ? base : nil)], to: bundle)
        let target = try StorageFile(making: folder.appending(path: "slot").path, size: UInt64(new.count) + 8192)
        let progress = try Sample.install(
          bundle, bases: isDelta ? ["root": try StorageFile(base.path)] : [:], targets: ["root": target])
        #expect(try target.read(new.count, at: 0) == new)
        #expect(progress.done == UInt64(new.count))
        if isDelta, change == .none { #expect(progress.fetched == 0) }
        // Existing content is not written again.
        let again = try Sample.install(
          bundle, bases: isDelta ? ["root": try StorageFile(base.path)] : [:], targets: ["root": target])
        #expect(again.written == 0)
      }
    }
  }

  @Test("A device with another old image fetches only the missing parts of a full bundle")
  func reuse() async throws {
    let old = Sample.image(seed: 1)
    var new = old
    new.insert(contentsOf: Sample.image(seed: 7).prefix(12_288), at: 1_048_576)
    for place in stride(from: 200_000, to: 220_000, by: 100) { new[place] &+= 1 }
    let bytes = try await withTemporaryFolder { folder in
      try Data(new).write(to: folder.appending(path: "new"))
      try await BundleMaker().make(
        Sample.manifest, of: [.init(name: "root", file: folder.appending(path: "new"))],
        to: folder.appending(path: "bundle"))
      return try Array(Data(contentsOf: folder.appending(path: "bundle")))
    }
    func fetched(with base: [UInt8]?) throws -> Int {
      let (source, slot) = (MemorySource(bytes), MemoryStorage([UInt8](repeating: 1, count: new.count)))
      let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
      let bases = base.map { ["root": MemoryStorage($0)] } ?? [:]
      try BundleInstaller(CheckedBundle(signed, from: source, bases: bases), targets: ["root": slot]).run()
      #expect(slot.bytes == new)
      return source.fetched
    }
    let whole = try fetched(with: nil)
    #expect(whole == bytes.count)
    // 8 blocks are new, so at most 8 pieces of 16 KiB, and the heads of segments whose blocks moved.
    #expect(try fetched(with: old) < 80_000)
    #expect(try fetched(with: Sample.image(seed: 20)) <= whole)
    // An old image of another size that ends with a partial block.
    #expect(try fetched(with: Array(old.dropLast(700_001))) < whole)
  }

  @Test("For content that moved as a whole, a device fetches neither frames nor heads")
  func moved() async throws {
    var random = SeededGenerator(seed: 3)
    let old = (0..<(32 << 20) / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    let new = Sample.image(seed: 7).prefix(12_288) + old
    let bytes = try await Sample.bundle(of: Array(new))
    let (source, slot) = (MemorySource(bytes), MemoryStorage([UInt8](repeating: 1, count: new.count)))
    let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
    let checked = try CheckedBundle(signed, from: source, bases: ["root": MemoryStorage(old)])
    try BundleInstaller(checked, targets: ["root": slot]).run()
    #expect(slot.bytes == Array(new))
    // One frame, one head, and 65 rows of the table. 64 heads would be some 100,000 bytes.
    #expect(source.fetched < 30_000, "\(source.fetched)")
  }

  /// A change to an image between two releases.
  enum Change: CaseIterable {
    case none, edited, inserted, grown, shrunk, unaligned, replaced

    func applied(to old: [UInt8]) -> [UInt8] {
      var new = old
      switch self {
      case .none: break
      case .edited: for place in stride(from: 700_000, to: 900_000, by: 333) { new[place] &+= 3 }
      case .inserted: new.insert(contentsOf: Sample.image(seed: 7).prefix(12_288), at: 1_048_576)
      case .grown: new += Sample.image(seed: 3).prefix(1_000_000)
      case .shrunk: new.removeLast(1_200_000)
      case .unaligned: new.insert(contentsOf: [1, 2, 3], at: 40_000)
      case .replaced: new = Sample.image(seed: 9)
      }
      return new
    }
  }
}

/// Images and bundles for tests.
enum Sample {
  static let manifest = BundleManifest(
    product: "weather", devices: ["generic-x86_64"], version: "1.2", created: 1_700_000_000)

  /// Returns some 3 MB of words, zeros, noise, and repetitions.
  static func image(seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let words = (0..<500).map { _ in (0..<Int(next() % 9 + 2)).map { _ in UInt8(next() % 26 + 97) } + [32] }
    var bytes: [UInt8] = []
    while bytes.count < 1_500_000 { bytes += words[Int(next() % 500)] }
    bytes += [UInt8](repeating: 0, count: 600_000)
    for _ in 0..<60_000 { withUnsafeBytes(of: next()) { bytes += $0 } }
    bytes += bytes[40_960..<300_000]
    bytes += [UInt8](repeating: 0, count: (4096 - bytes.count % 4096) % 4096)
    return bytes
  }

  /// Returns a full bundle of an image.
  static func bundle(of image: [UInt8]) async throws -> [UInt8] {
    try await withTemporaryFolder { folder in
      let (file, bundle) = (folder.appending(path: "image"), folder.appending(path: "bundle"))
      try Data(image).write(to: file)
      try await BundleMaker(wholeLevel: 3).make(Sample.manifest, of: [.init(name: "root", file: file)], to: bundle)
      return try Array(Data(contentsOf: bundle))
    }
  }

  @discardableResult static func install(
    _ bundle: URL, bases: [String: any BlockStorage], targets: [String: any BlockStorage],
    journal: InstallJournal? = nil
  ) throws -> BundleInstaller.Progress {
    let source = try FileSource(bundle.path)
    let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
    return try BundleInstaller(
      CheckedBundle(signed, from: source, bases: bases), targets: targets, journal: journal
    ).run()
  }
}
