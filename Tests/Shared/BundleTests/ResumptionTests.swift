import Bundle
import BundleMaking
import Foundation
import Hashing
import LinuxSystem
import TestFixtures
import Testing

@Suite("Interrupted installations")
struct ResumptionTests {
  @Test("After power cuts at random writes, the installation resumes from its journal, and fetches little twice")
  func cuts() async throws {
    let (old, new) = (Array(Sample.image(seed: 1).suffix(1_400_000)), Array(Sample.image(seed: 2).suffix(1_400_000)))
    let bundle = try await Sample.bundle(of: new)
    var random = SeededGenerator(seed: 7)
    var (cuts, fetched, rounds) = (0, 0, 0)
    while cuts < 100 {
      let disk = CutDisk(slot: old + [UInt8](repeating: 0, count: max(0, new.count - old.count)))
      rounds += 1
      while true {
        disk.operationsLeft = Int.random(in: 1...12, using: &random)
        let source = MemorySource(bundle)
        do {
          let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
          try BundleInstaller(
            CheckedBundle(signed, from: source, bases: [:]), targets: ["root": disk.slot],
            journal: InstallJournal(disk.journal), syncInterval: 1 << 19
          ).run()
          fetched += source.fetched
          break
        } catch is CutDisk.Cut {
          fetched += source.fetched
          cuts += 1
          disk.losePower(&random)
        }
      }
      disk.operationsLeft = .max
      #expect(try disk.slot.read(new.count, at: 0) == new)
    }
    // Each cut costs the unsynced data, and the head and table again.
    #expect(fetched < rounds * bundle.count + cuts * (1 << 20))
  }

  @Test("A missing or damaged journal, or one of another bundle, counts as empty")
  func strangers() throws {
    let storage = MemoryStorage([UInt8](repeating: 0, count: 1024))
    let (one, other) = (Digest(of: [1]), Digest(of: [2]))
    #expect(try InstallJournal(storage).place(in: one) == nil)
    try InstallJournal(storage).note(.init(image: 0, segment: 3), in: one)
    let journal = try InstallJournal(storage)
    #expect(journal.place(in: one) == .init(image: 0, segment: 3))
    #expect(journal.place(in: other) == nil)
    try journal.note(.init(image: 1, segment: 0), in: one)
    // The last record is torn, so the one before it counts.
    for place in 0..<96 {
      let torn = MemoryStorage(storage.bytes)
      torn.bytes[place] ^= 1
      #expect(try InstallJournal(torn).place(in: one) == .init(image: 0, segment: 3))
    }
  }

  @Test("Changes to the slot between two parts of an installation are detected, and the next run starts again")
  func tampered() async throws {
    let new = Sample.image(seed: 4)
    let bundle = try await Sample.bundle(of: new)
    let (slot, store) = (
      MemoryStorage([UInt8](repeating: 0, count: new.count)), MemoryStorage([UInt8](repeating: 0, count: 1024))
    )
    func install() throws {
      let source = MemorySource(bundle)
      let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
      let journal = try InstallJournal(store)
      if journal.place(in: signed.identity) == nil {
        try journal.note(.init(image: 0, segment: 2), in: signed.identity)
      }
      try BundleInstaller(
        CheckedBundle(signed, from: source, bases: [:]), targets: ["root": slot], journal: journal
      ).run()
    }
    // The journal records two segments that are not there, and the third one refers to them.
    #expect(throws: BundleFailure.wrongOutput(image: "root", segment: 2)) { try install() }
    try install()
    #expect(slot.bytes == new)
  }

  @Test("A bundle is read from a pipe")
  func stream() async throws {
    try await withTemporaryFolder { folder in
      let new = Sample.image(seed: 5)
      try Data(new).write(to: folder.appending(path: "new"))
      let bundle = folder.appending(path: "bundle")
      try await BundleMaker(wholeLevel: 3).make(
        Sample.manifest, of: [.init(name: "root", file: folder.appending(path: "new"))], to: bundle)
      let process = Process()
      let pipe = Foundation.Pipe()
      (process.executableURL, process.arguments) = (URL(fileURLWithPath: "/bin/cat"), [bundle.path])
      process.standardOutput = pipe
      try process.run()
      let source = StreamSource(Descriptor(owning: dup(pipe.fileHandleForReading.fileDescriptor)))
      let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
      let slot = MemoryStorage([UInt8](repeating: 9, count: new.count))
      try BundleInstaller(CheckedBundle(signed, from: source, bases: [:]), targets: ["root": slot]).run()
      process.waitUntilExit()
      #expect(slot.bytes == new)
    }
  }

  @Test("Versions have the same order as in dpkg")
  func versions() throws {
    let versions = [
      "1.0", "1.0~rc1", "1.0-1", "1.0-1+b1", "1.00", "1.10", "1.9", "2:0.1", "1.0a", "1.0+", "", "0", "1..0", "1.0.0",
    ]
    for one in versions.filter({ !$0.isEmpty }) {
      for other in versions.filter({ !$0.isEmpty }) {
        let verdict = try Judge("dpkg").run(["--compare-versions", one, "lt", other])
        #expect((ReleaseVersion(one) < ReleaseVersion(other)) == (verdict.status == 0), "\(one) < \(other)")
      }
    }
  }
}

/// A disk that loses power after some writes. Unsynced writes are kept, lost, or torn.
final class CutDisk {
  struct Cut: Error {}

  var operationsLeft = Int.max
  private(set) lazy var slot = Part(self, slotBytes)
  private(set) lazy var journal = Part(self, [UInt8](repeating: 0, count: 1024))
  private let slotBytes: [UInt8]

  init(slot: [UInt8]) { slotBytes = slot }

  func losePower(_ random: inout SeededGenerator) {
    slot.losePower(&random)
    journal.losePower(&random)
  }

  /// A part of the disk.
  final class Part: BlockStorage {
    private unowned let disk: CutDisk
    private var synced: [UInt8]
    private var bytes: [UInt8]
    private var pending: [(offset: Int, content: [UInt8])] = []
    var size: UInt64 { UInt64(bytes.count) }

    init(_ disk: CutDisk, _ bytes: [UInt8]) { (self.disk, synced, self.bytes) = (disk, bytes, bytes) }

    func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
      bytes.withUnsafeBytes {
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + memory.count]))
      }
    }

    func write(_ content: [UInt8], at offset: UInt64) throws {
      pending.append((Int(offset), content))
      try step()
      bytes.replaceSubrange(Int(offset)..<Int(offset) + content.count, with: content)
    }

    func synchronise() throws {
      try step()
      (synced, pending) = (bytes, [])
    }

    func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
      try read(into: memory, at: offset)
    }

    private func step() throws {
      disk.operationsLeft -= 1
      if disk.operationsLeft < 0 { throw Cut() }
    }

    func losePower(_ random: inout SeededGenerator) {
      for (offset, content) in pending {
        // Whole sectors, some of them.
        for start in stride(from: 0, to: content.count, by: 512) where Bool.random(using: &random) {
          let sector = content[start..<min(start + 512, content.count)]
          synced.replaceSubrange(offset + start..<offset + start + sector.count, with: sector)
        }
      }
      (bytes, pending) = (synced, [])
    }
  }
}
