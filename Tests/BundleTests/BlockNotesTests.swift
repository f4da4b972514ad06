import Bundle
import BundleMaking
import Foundation
import TestFixtures
import Testing

/// Notes of what was installed, for the bundle after it.
@Suite("Notes of installed images")
struct BlockNotesTests {
  /// Two releases, bundles for both, and the notes that installing the old one leaves.
  private struct Pair {
    let old = Sample.image(seed: 1)
    let new = BundleMatrixTests.Change.inserted.applied(to: Sample.image(seed: 1))
    var bundle: [UInt8] = []
    var back: [UInt8] = []
    var notes: [UInt8] = []

    init() async throws {
      let (old, new) = (old, new)
      (bundle, back, notes) = try await withTemporaryFolder { folder in
        let files = (old: folder.appending(path: "old"), new: folder.appending(path: "new"))
        try Data(old).write(to: files.old)
        try Data(new).write(to: files.new)
        func made(_ image: URL, from base: URL?) async throws -> [UInt8] {
          let place = folder.appending(path: "bundle")
          try await BundleMaker(wholeLevel: 3).make(
            Sample.manifest, of: [.init(name: "root", file: image, base: base)], to: place)
          return try Array(Data(contentsOf: place))
        }
        let kept = Pair.place(for: old)
        let slot = MemoryStorage([UInt8](repeating: 0, count: old.count))
        try Pair.install(try await made(files.old, from: nil), to: slot, newNotes: kept)
        return (
          try await made(files.new, from: files.old), try await made(files.old, from: files.new), kept.bytes
        )
      }
    }

    static func place(for image: [UInt8]) -> MemoryStorage {
      MemoryStorage([UInt8](repeating: 0, count: Int(BlockNotes.length(for: UInt64(image.count)))))
    }

    static func install(
      _ bundle: [UInt8], from base: (any BlockStorage)? = nil, notes: [UInt8]? = nil, to slot: MemoryStorage,
      newNotes: (any BlockStorage)? = nil
    ) throws {
      let source = MemorySource(bundle)
      try BundleInstaller(
        SignedBundle(BundleHead(from: source)) { _, _ in }, from: source, bases: base.map { ["root": $0] } ?? [:],
        notes: notes.map { ["root": BlockNotes(in: MemoryStorage($0))] } ?? [:], targets: ["root": slot],
        newNotes: newNotes.map { ["root": BlockNotes(in: $0)] } ?? [:]
      ).run()
    }

    /// Installs the new release over the old one, and gives how often the old one was read.
    func readings(with notes: [UInt8]?) throws -> Double {
      let (base, slot) = (CountingStorage(old), MemoryStorage([UInt8](repeating: 0, count: new.count)))
      try Self.install(bundle, from: base, notes: notes, to: slot)
      #expect(slot.bytes == new)
      return Double(base.read) / Double(old.count)
    }
  }

  @Test("with notes the old image is read once; those of the new one serve the next bundle, which goes back")
  func readings() async throws {
    let pair = try await Pair()
    let (without, with) = (try pair.readings(with: nil), try pair.readings(with: pair.notes))
    #expect(without > 1.5)
    #expect(with < without - 0.7)

    let (slot, next) = (MemoryStorage([UInt8](repeating: 0, count: pair.new.count)), Pair.place(for: pair.new))
    try Pair.install(pair.bundle, from: MemoryStorage(pair.old), notes: pair.notes, to: slot, newNotes: next)
    let (base, other) = (CountingStorage(pair.new), MemoryStorage([UInt8](repeating: 0, count: pair.old.count)))
    let last = Pair.place(for: pair.old)
    try Pair.install(pair.back, from: base, notes: next.bytes, to: other, newNotes: last)
    #expect(other.bytes == pair.old)
    #expect(Double(base.read) < 1.3 * Double(pair.new.count))
    // However they came about.
    #expect(last.bytes == pair.notes)
  }

  @Test("notes that are damaged, of another image, too short, or that cannot be read or written do no harm")
  func damaged() async throws {
    let pair = try await Pair()
    let without = try pair.readings(with: nil)
    #expect(try pair.readings(with: [UInt8](repeating: 0, count: pair.notes.count)) == without)
    #expect(try pair.readings(with: []) == without)
    #expect(try pair.readings(with: Array(pair.notes.dropLast())) == without)
    // A checksum that is wrong costs a digest of its segment; a wrong digest makes all of them worthless.
    var checksums = pair.notes
    for place in stride(from: 4096, to: 5120, by: 8) { checksums[place] ^= 1 }
    #expect(try pair.readings(with: checksums) < without)
    var digest = pair.notes
    digest[0] ^= 1
    #expect(try pair.readings(with: digest) == without)

    let slot = MemoryStorage([UInt8](repeating: 0, count: pair.new.count))
    try Pair.install(pair.bundle, from: MemoryStorage(pair.old), to: slot, newNotes: FullStorage())
    #expect(slot.bytes == pair.new)
    let base = MemoryStorage(pair.old)
    let source = MemorySource(pair.bundle)
    let other = MemoryStorage([UInt8](repeating: 0, count: pair.new.count))
    try BundleInstaller(
      SignedBundle(BundleHead(from: source)) { _, _ in }, from: source, bases: ["root": base],
      notes: ["root": BlockNotes(in: FullStorage(size: UInt64(pair.notes.count)))], targets: ["root": other]
    ).run()
    #expect(other.bytes == pair.new)
  }

  @Test("an old image that is no longer what was noted is found before anything of it is written")
  func changed() async throws {
    let pair = try await Pair()
    for block in [3, 200, pair.old.count / 4096 - 2] {
      var base = pair.old
      base[block * 4096 + 17] ^= 4
      let slot = MemoryStorage([UInt8](repeating: 0, count: pair.new.count))
      #expect(throws: BundleFailure.otherBase(image: "root")) {
        try Pair.install(pair.bundle, from: MemoryStorage(base), notes: pair.notes, to: slot)
      }
      // What is there is right or was not written.
      for start in stride(from: 0, to: pair.new.count, by: 4096) {
        let written = slot.bytes[start..<start + 4096]
        #expect(written == pair.new[start..<start + 4096] || written.allSatisfy { $0 == 0 })
      }
    }
  }
}

/// An image that counts what is read of it.
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
}

/// A disk without room, which cannot be read either.
private final class FullStorage: BlockStorage {
  struct Full: Error {}
  let size: UInt64

  init(size: UInt64 = 1 << 30) { self.size = size }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws { throw Full() }
  func write(_ bytes: [UInt8], at offset: UInt64) throws { throw Full() }
  func synchronise() throws {}
}
