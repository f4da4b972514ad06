import Bundle
import BundleMaking
import Foundation
import Hashing
import TestFixtures
import Testing

/// Checks that the final content of a slot's disk is the signed one.
@Suite("Slots that are read back")
struct ReadBackTests {
  /// Two releases, and a bundle from the old one to the new one.
  private struct Pair {
    let old = Sample.image(seed: 1)
    let new = BundleMatrixTests.Change.inserted.applied(to: Sample.image(seed: 1))
    var bundle: [UInt8] = []
    /// The root of the old image's hash tree, as in the bundle.
    var tree: Digest?

    init() async throws {
      let (old, new) = (old, new)
      bundle = try await withTemporaryFolder { folder in
        let files = (old: folder.appending(path: "old"), new: folder.appending(path: "new"))
        try Data(old).write(to: files.old)
        try Data(new).write(to: files.new)
        let place = folder.appending(path: "bundle")
        try await BundleMaker(wholeLevel: 3).make(
          Sample.manifest, of: [.init(name: "root", file: files.new, base: files.old)], to: place)
        return try Array(Data(contentsOf: place))
      }
      tree = try signed().0.manifest.images[0].base?.tree
    }

    func signed() throws -> (SignedBundle, MemorySource) {
      let source = MemorySource(bundle)
      return (try SignedBundle(BundleHead(from: source)) { _, _ in }, source)
    }

    func install(
      from base: any BlockStorage, tree: Digest?, to slot: any BlockStorage, journal: InstallJournal? = nil
    ) throws {
      let (signed, source) = try signed()
      let checked = try CheckedBundle(
        signed, from: source, bases: ["root": base], trees: tree.map { ["root": $0] } ?? [:])
      try BundleInstaller(checked, targets: ["root": slot], journal: journal).run()
    }

    func slot() -> MemoryStorage { MemoryStorage([UInt8](repeating: 0, count: new.count)) }
  }

  /// Makes another block with the same rolling sum. The sum distributes words over four sums, each rotated by 7 bits
  /// after each word.
  private static func forged(_ block: ArraySlice<UInt8>) -> [UInt8] {
    let start = block.startIndex
    var words = stride(from: start, to: start + 64, by: 8).map { place in
      block[place..<place + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    // The first of the four sums has words 0 and 4: the second change undoes the first.
    let before = 1 << 7 &+ words[0]
    let after = before &+ 1
    words[0] &+= 1
    words[4] &+= (before &<< 7 | before &>> 57) &- (after &<< 7 | after &>> 57)
    let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    return bytes + block[(start + 64)...]
  }

  @Test("A forged block with the same rolling sum in the old image does not get into a release")
  func forged() async throws {
    let pair = try await Pair()
    for block in [3, 200, pair.old.count / 4096 - 2] {
      var base = pair.old
      let place = block * 4096..<block * 4096 + 4096
      base.replaceSubrange(place, with: Self.forged(base[place]))
      // As if it was altered after its tree was recorded.
      let slot = pair.slot()
      #expect(throws: BundleFailure.otherBase(image: "root")) {
        try pair.install(from: MemoryStorage(base), tree: pair.tree, to: slot)
      }
      // Also if the image has to be read first.
      let untouched = pair.slot()
      #expect(throws: BundleFailure.otherBase(image: "root")) {
        try pair.install(from: MemoryStorage(base), tree: nil, to: untouched)
      }
      #expect(untouched.bytes.allSatisfy { $0 == 0 })
    }
  }

  @Test("An old image with a known tree is read once, and not at all if the tree is another one")
  func readings() async throws {
    let pair = try await Pair()
    func readings(_ tree: Digest?) throws -> Double {
      let (base, slot) = (CountingStorage(pair.old), pair.slot())
      try pair.install(from: base, tree: tree, to: slot)
      #expect(slot.bytes == pair.new)
      return Double(base.read) / Double(pair.old.count)
    }
    #expect(try readings(pair.tree) < 1.2)
    #expect(try readings(nil) > 1.8)
    let (base, slot) = (CountingStorage(pair.old), pair.slot())
    #expect(throws: BundleFailure.otherBase(image: "root")) {
      try pair.install(from: base, tree: Digest(of: [1]), to: slot)
    }
    #expect(base.read == 0)
    #expect(slot.bytes.allSatisfy { $0 == 0 })
  }

  @Test("A disk that returns wrong data is detected, and the next installation starts again")
  func lying() async throws {
    let pair = try await Pair()
    let store = MemoryStorage([UInt8](repeating: 0, count: 1024))
    for block in [0, 130, pair.new.count / 4096 - 1] {
      let slot = LyingStorage(pair.new.count, wrong: block * 4096 + 9)
      #expect(throws: BundleFailure.notKept(image: "root", segment: block / 128)) {
        try pair.install(from: MemoryStorage(pair.old), tree: pair.tree, to: slot, journal: InstallJournal(store))
      }
      #expect(
        try InstallJournal(store).place(in: pair.signed().0.identity) == InstallJournal.Place(image: 0, segment: 0))
    }
    try pair.install(
      from: MemoryStorage(pair.old), tree: pair.tree, to: pair.slot(), journal: InstallJournal(store))
  }

  @Test("A journal with a place that the bundle does not have counts as empty")
  func absurdPlaces() async throws {
    let pair = try await Pair()
    let (bundle, _) = try pair.signed()
    for place in [
      InstallJournal.Place(image: 7, segment: 0), .init(image: 0, segment: .max), .init(image: .max, segment: .max),
      .init(image: 1, segment: 1),
    ] {
      let (slot, store) = (pair.slot(), MemoryStorage([UInt8](repeating: 0, count: 1024)))
      try InstallJournal(store).note(place, in: bundle.identity)
      try pair.install(from: MemoryStorage(pair.old), tree: pair.tree, to: slot, journal: InstallJournal(store))
      #expect(slot.bytes == pair.new)
    }
  }

  @Test("A file is read back past the page cache, including its odd end")
  func files() throws {
    let folder = try TemporaryFolder()
    let content = Sample.image(seed: 3).prefix(12_345)
    let file = try StorageFile(making: folder.path + "/image", size: UInt64(content.count))
    try file.write(Array(content), at: 0)
    try file.synchronise()
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 4096)
    defer { memory.deallocate() }
    try file.readBack(into: memory, at: 0)
    #expect(Array(memory) == Array(content))
    #expect(throws: (any Error).self) { try file.readBack(into: memory, at: 4096) }
  }
}

/// An image that counts the bytes read from it.
private final class CountingStorage: BlockStorage {
  private let storage: MemoryStorage
  private(set) var read = 0
  var size: UInt64 { storage.size }

  init(_ bytes: [UInt8]) { storage = MemoryStorage(bytes) }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    read += memory.count
    try storage.read(into: memory, at: offset)
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws { try storage.write(bytes, at: offset) }

  func synchronise() throws {}

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try storage.readBack(into: memory, at: offset)
  }
}

/// A disk that loses one byte, while the page cache has the right one.
private final class LyingStorage: BlockStorage {
  private let storage: MemoryStorage
  private let wrong: Int
  var size: UInt64 { storage.size }

  init(_ size: Int, wrong: Int) { (storage, self.wrong) = (MemoryStorage([UInt8](repeating: 0, count: size)), wrong) }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try storage.read(into: memory, at: offset)
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws { try storage.write(bytes, at: offset) }

  func synchronise() throws {}

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try storage.read(into: memory, at: offset)
    let place = wrong - Int(offset)
    if memory.indices.contains(place) { memory[place] ^= 1 }
  }
}
