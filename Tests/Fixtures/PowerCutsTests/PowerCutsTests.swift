import Foundation
import TestFixtures
import Testing

@testable import PowerCuts

@Suite("Power cuts")
struct PowerCutsTests {
  /// Writes a log of writes and flushes in the format of QEMU.
  private func log(_ entries: [(sector: UInt64, bytes: [UInt8], flush: Bool)], in folder: URL) throws -> URL {
    func number(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: 512 - bytes.count) }
    var log = padded(
      number(0x006a_7366_7773_6872 as UInt64) + number(1 as UInt64) + number(UInt64(entries.count))
        + number(512 as UInt32))
    for entry in entries {
      log += padded(
        number(entry.sector) + number(UInt64(entry.bytes.count / 512)) + number(UInt64(entry.flush ? 1 : 0))
          + number(UInt64(entry.bytes.count)))
      log += entry.bytes
    }
    log += [UInt8](repeating: 0, count: 8192)
    return try folder.writing(log, to: "log")
  }

  @Test("Each write makes states with unflushed writes kept, lost and mixed; a flush settles them")
  func states() async throws {
    try await withTemporaryFolder { folder in
      func sector(_ value: UInt8) -> [UInt8] { [UInt8](repeating: value, count: 512) }
      let log = try DiskWriteLog(
        try log(
          [(0, sector(1), false), (1, sector(2) + sector(3), false), (0, [], true), (3, sector(4), false)], in: folder))
      let disk = try CutDisk(try folder.writing([UInt8](repeating: 0, count: 2048), to: "disk"))
      var seen: Set<[UInt8]> = []
      let states = CutStates(log, on: disk, mixes: 40)
      let count = states.forEach { _, disk in
        seen.insert((0..<4).map { disk.read(1, at: UInt64($0 * 512))[0] })
      }
      #expect(count == 3 * 40 + 3 + 2)
      // Before the flush each of the three sectors may be there or not. After it, all are.
      for one: UInt8 in [0, 1] {
        for two: UInt8 in [0, 2] { for three: UInt8 in [0, 3] { #expect(seen.contains([one, two, three, 0])) } }
      }
      #expect(seen.contains([1, 2, 3, 4]))
      #expect(!seen.contains { $0[3] == 4 && $0[0...2] != [1, 2, 3] })
    }
  }

  @Test("The FAT reader finds the files that mtools has written, including long names and folders")
  func fat() async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "fat")
      let text = (0..<3000).map { "line \($0)\n" }.joined()
      try folder.writing(text, to: "text")
      let script = """
        truncate -s 64M '\(image.path)' && mkfs.fat -F 32 '\(image.path)' >/dev/null
        export MTOOLS_SKIP_CHECK=1
        mmd -i '\(image.path)' ::loader ::loader/entries
        mcopy -i '\(image.path)' '\(folder.path)/text' '::loader/entries/cultivar-b-12+1.conf'
        mcopy -i '\(image.path)' '\(folder.path)/text' ::LINUX
        """
      #expect(try Judge("sh").run(["-e", "-c", script]).status == 0)
      let bytes = try Array(Data(contentsOf: image))
      let reader = try FATReader { count, place in Array(bytes[Int(place)..<Int(place) + count]) }
      #expect(reader.items("loader/entries").map(\.name) == ["cultivar-b-12+1.conf"])
      #expect(reader.file("loader/entries/cultivar-b-12+1.conf") == Array(text.utf8))
      #expect(reader.file("linux") == Array(text.utf8))
      #expect(reader.file("nothing") == nil)
    }
  }

  @Test("A slot is complete only while all its images match the release, even after an earlier match")
  func judging() async throws {
    try await withTemporaryFolder { folder in
      func content(_ seed: UInt8, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 / 512) &+ seed }
      }
      let images = ["kernel": content(1, 300_000), "initrd": content(2, 70_001), "root": content(3, 4 << 20)]
      for (name, bytes) in images { try folder.writing(bytes, to: name) }
      try folder.writing("linux /slots/a/linux\noptions cultivar.slot=a\n", to: "entry")
      let script = """
        truncate -s 128M disk
        printf '%s\n' 'label: gpt' 'start=2048, size=131072' 'start=133120, size=16384' | sfdisk -q disk
        truncate -s 64M boot && mkfs.fat -F 32 boot >/dev/null
        export MTOOLS_SKIP_CHECK=1
        mmd -i boot ::loader ::loader/entries ::slots ::slots/a
        # The kernel is in two pieces, with another file between them.
        head -c 100000 kernel > part && mcopy -i boot part ::part && mcopy -i boot entry ::between && mdel -i boot ::part
        # The hint for the first free cluster is reset (FAT specification, section 5).
        printf '\\377\\377\\377\\377' | dd of=boot bs=1 seek=1004 conv=notrunc status=none
        mcopy -i boot kernel ::slots/a/linux && mcopy -i boot initrd ::slots/a/initrd
        mcopy -i boot entry ::loader/entries/cultivar-a.conf
        dd if=boot of=disk bs=1M seek=1 conv=notrunc status=none
        dd if=root of=disk bs=1M seek=65 conv=notrunc status=none
        """
      let made = try Judge("sh").run(["-e", "-c", script], in: folder)
      try #require(made.status == 0, "\(made.errors)")
      let disk = try CutDisk(folder.appending(path: "disk"))
      let files = try FATReader { count, place in disk.read(count, at: place + (1 << 20)) }
      #expect(try #require(files.extents("slots/a/linux")).count == 2)

      let judge = SlotJudge([.init(name: "1.0", images: images)], .systemdBoot, .init(boot: 1, roots: ["a": 2]))
      func verdict() -> String? { try? judge.verdict(on: disk).get() }
      #expect(verdict() == "a 1.0")
      let boot: UInt64 = 1 << 20
      let kernel = try #require(files.extents("slots/a/linux")?.last?.upperBound)
      let initrd = try #require(files.extents("slots/a/initrd")?.first?.lowerBound)
      let rootEnd: UInt64 = (65 + 4) << 20
      for (name, place) in [("kernel", boot + kernel - 1), ("initrd", boot + initrd), ("root", rootEnd - 1)] {
        let sound = disk.read(1, at: place)
        disk.set(loose: [(place, [sound[0] ^ 1])])
        #expect(verdict() == nil, "\(name)")
        disk.set(loose: [])
        #expect(verdict() == "a 1.0", "\(name)")
        disk.settle([sound[0] ^ 1], at: place)
        #expect(verdict() == nil, "\(name)")
        disk.settle(sound, at: place)
        #expect(verdict() == "a 1.0", "\(name)")
      }
    }
  }
}
