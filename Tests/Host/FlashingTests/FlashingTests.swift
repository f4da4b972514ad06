import DeviceModel
import DiskImage
import Foundation
import Hashing
import HostSystem
import Provisioning
import TestFixtures
import Testing

@testable import Flashing

@Suite("Finding disks")
struct DisksTests {
  /// Makes a machine with a system disk on NVMe, an SD card, a USB stick with a mounted partition, and a disk that a
  /// volume manager uses.
  private func withMachine(_ work: (Disks) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      func disk(_ place: String, _ name: String, _ number: String, _ files: [String: String]) throws {
        let path = "sys/devices/\(place)/block/\(name)"
        try folder.writing("\(number)\n", to: "\(path)/dev")
        try folder.writing("62500000\n", to: "\(path)/size")
        try folder.writing("0\n", to: "\(path)/removable")
        for (file, text) in files { try folder.writing(text + "\n", to: "\(path)/\(file)") }
        try folder.writing("", to: "sys/block/.keep")
        try folder.writing("", to: "sys/dev/block/.keep")
        let manager = FileManager.default
        let target = folder.appending(path: path).path
        try manager.createSymbolicLink(
          atPath: folder.appending(path: "sys/block/\(name)").path, withDestinationPath: target)
        for (file, text) in files.merging(["dev": number], uniquingKeysWith: { $1 }) where file.hasSuffix("dev") {
          let place = URL(fileURLWithPath: "\(target)/\(file)").deletingLastPathComponent().path
          try manager.createSymbolicLink(
            atPath: folder.appending(path: "sys/dev/block/\(text)").path, withDestinationPath: place)
        }
      }
      try disk("pci/nvme", "nvme0n1", "259:0", ["nvme0n1p1/partition": "1", "nvme0n1p1/dev": "259:1"])
      try disk("pci/mmc", "mmcblk0", "179:0", ["device/type": "SD", "device/name": "SC32G"])
      try disk(
        "pci/usb1/1-2", "sda", "8:0",
        ["sda1/partition": "1", "sda1/dev": "8:1", "device/vendor": "Acme", "device/model": "Stick  "])
      try disk(
        "pci/ata", "sdb", "8:16",
        ["removable": "1", "sdb1/partition": "1", "sdb1/dev": "8:17", "sdb1/holders/dm-0/x": ""])
      try disk("virtual", "loop0", "7:0", ["removable": "1"])
      try folder.writing(
        """
        24 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw
        30 24 8:1 / /media/my\\040stick rw shared:5 - vfat /dev/sda1 rw

        """, to: "proc/self/mountinfo")
      try folder.writing("Filename Type Size\n/dev/mmcblk0 partition 100\n", to: "proc/swaps")
      try work(Disks(sys: folder.appending(path: "sys").path, proc: folder.appending(path: "proc").path))
    }
  }

  @Test(
    "A disk with other sectors, or smaller than the image, is refused by name with its size and the needed size")
  func unfit() async throws {
    try await withTemporaryFolder { folder in
      for (name, sector) in [("sda", "512"), ("sdb", "4096")] {
        try folder.writing("2048\n", to: "sys/block/\(name)/size")
        try folder.writing("\(sector)\n", to: "sys/block/\(name)/queue/logical_block_size")
        try folder.writing("1\n", to: "sys/block/\(name)/removable")
      }
      let disks = Disks(sys: folder.appending(path: "sys").path, proc: folder.path).removable()
      try disks[0].check(forImageOf: 1 << 20)
      let small = #expect(throws: FlashFailure.self) { try disks[0].check(forImageOf: 2 << 20) }
      #expect(small?.problem == "/dev/sda is too small: it has 1 MiB, and the image needs 2 MiB")
      #expect(throws: FlashFailure.sectors("/dev/sdb", size: 4096)) { try disks[1].check(forImageOf: 1 << 20) }
    }
  }

  @Test("Removable disks are listed with size, model and use; other disks are not")
  func list() async throws {
    try await withMachine { disks in
      let found = disks.removable()
      #expect(found.map(\.path) == ["/dev/mmcblk0", "/dev/sda", "/dev/sdb"])
      #expect(found.map(\.model) == ["SC32G", "Acme Stick", ""])
      #expect(found.allSatisfy { $0.size == 32_000_000_000 })
      #expect(
        found.map(\.uses) == [
          ["mmcblk0 is swap"], ["sda1 is mounted at /media/my stick"], ["sdb1 is part of dm-0"],
        ])
    }
  }

  @Test("The system's disk is recognised, and a partition is not a disk")
  func system() async throws {
    try await withMachine { disks in
      let system = try disks.disk("/dev/nvme0n1", number: "259:0")
      #expect(!system.isRemovable && system.uses == ["nvme0n1p1 holds the running system"])
      #expect(throws: FlashFailure.partition("/dev/sda1", disk: "/dev/sda")) {
        try disks.disk("/dev/sda1", number: "8:1")
      }
      #expect(throws: FlashFailure.noDisk("/dev/sdz")) { try disks.disk("/dev/sdz", number: "99:1") }
    }
  }
}

@Suite("Writing by a block map")
struct FlashWriterTests {
  private static let block = 4096

  /// Makes an image of 8 MiB with two mapped ranges, one of them zeros.
  private func withImage(_ work: (URL, String, BlockMap) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      var bytes = [UInt8](repeating: 0, count: 8 << 20)
      for index in 0..<Self.block { bytes[index] = 1 }
      for index in (4 << 20)..<(6 << 20) { bytes[index] = UInt8(truncatingIfNeeded: index &* 7) | 1 }
      let image = try folder.writing(bytes, to: "disk.img").path
      func row(_ range: Range<Int>) -> String {
        let hash = Digest(of: bytes[range.lowerBound * Self.block..<range.upperBound * Self.block])
        return "<Range chksum=\"\(hash)\"> \(range.lowerBound)-\(range.upperBound - 1) </Range>"
      }
      func text(_ checksum: String) -> String {
        """
        <?xml version="1.0" ?>
        <bmap version="2.0">
        <ImageSize> 8388608 </ImageSize> <BlockSize> 4096 </BlockSize> <BlocksCount> 2048 </BlocksCount>
        <MappedBlocksCount> 770 </MappedBlocksCount> <ChecksumType> sha256 </ChecksumType>
        <BmapFileChecksum> \(checksum) </BmapFileChecksum>
        <BlockMap> \(row(0..<2)) \(row(1024..<1792)) </BlockMap>
        </bmap>
        """
      }
      let zeros = String(repeating: "0", count: 64)
      try await work(folder, image, try BlockMap(text: text(Digest(of: text(zeros)).text), path: "map"))
    }
  }

  private func hasNoTable(_ target: String) throws -> Bool {
    try FolderTree.readFile(target).prefix(1 << 20).allSatisfy { $0 == 0 }
  }

  @Test("Mapped blocks are written, including zeros; old partition tables are erased, and the rest stays")
  func write() async throws {
    try await withImage { folder, image, map in
      let target = try folder.writing([UInt8](repeating: 0xaa, count: 12 << 20), to: "target").path
      var phases: [FlashWriter.Phase: Int64] = [:]
      try FlashWriter(image: image, map: map, target: target).run { phase, done, total in
        phases[phase] = done
        #expect(done <= total)
        #expect(total == 3_153_920)
      }

      let (written, wanted) = (try FolderTree.readFile(target), try FolderTree.readFile(image))
      let size: Int64 = 3_153_920
      #expect(phases[.writing] == size)
      #expect(phases[.verifying] == size)
      func isOld(_ range: Range<Int>) -> Bool { written[range].allSatisfy { $0 == 0xaa } }
      let mebibyte = 1 << 20
      let isWritten = written[0..<8192] == wanted[0..<8192]
      #expect(isWritten)
      let isWrittenToo = written[(4 * mebibyte)..<(7 * mebibyte)] == wanted[(4 * mebibyte)..<(7 * mebibyte)]
      #expect(isWrittenToo)
      #expect(isOld(mebibyte..<(4 * mebibyte)))
      #expect(isOld((7 * mebibyte)..<(11 * mebibyte)))
      let end = written[(11 * mebibyte)...]
      #expect(end.allSatisfy { $0 == 0 })
    }
  }

  @Test("A disk that is too small is refused before the first write")
  func tooSmall() async throws {
    try await withImage { folder, image, map in
      let target = try folder.writing([UInt8](repeating: 0xaa, count: 7 << 20), to: "target").path
      let failure = #expect(throws: FlashFailure.self) {
        try FlashWriter(image: image, map: map, target: target).run { _, _, _ in }
      }
      #expect(failure == .tooSmall(target, size: .mebibytes(7), image: .mebibytes(8)))
      #expect(try FolderTree.readFile(target).allSatisfy { $0 == 0xaa })
    }
  }

  @Test("An image that does not match its map leaves no partition table on the disk")
  func changedImage() async throws {
    try await withImage { folder, image, map in
      let target = try folder.writing([UInt8](repeating: 0xaa, count: 8 << 20), to: "target").path
      var bytes = try FolderTree.readFile(image)
      bytes[5 << 20] ^= 1
      try FolderTree.replaceFile(image, with: bytes)
      #expect(throws: FlashFailure.imageChanged(image)) {
        try FlashWriter(image: image, map: map, target: target).run { _, _, _ in }
      }
      #expect(try hasNoTable(target))
    }
  }

  @Test("An interrupted write leaves no partition table on the disk either")
  func interruption() async throws {
    try await withImage { folder, image, map in
      let target = try folder.writing([UInt8](repeating: 0xaa, count: 8 << 20), to: "target").path
      let task = Task {
        try FlashWriter(image: image, map: map, target: target).run { _, _, _ in
          withUnsafeCurrentTask { $0?.cancel() }
        }
      }
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try hasNoTable(target))
    }
  }

  @Test("Data that reads back differently is detected")
  func damage() async throws {
    try await withImage { folder, image, map in
      let target = try folder.writing([UInt8](repeating: 0xaa, count: 8 << 20), to: "target").path
      let writer = FlashWriter(image: image, map: map, target: target)
      let failure = #expect(throws: FlashFailure.self) {
        try writer.run { phase, done, total in
          guard phase == .writing, done == total, let file = FileHandle(forUpdatingAtPath: target) else { return }
          try? file.seek(toOffset: 5 << 20)
          try? file.write(contentsOf: Data([0]))
          try? file.close()
        }
      }
      #expect(failure == .damaged(target, offset: 4 << 20))
    }
  }
}

@Suite("Values for the first start")
struct FirstBootValuesTests {
  private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGrouPsOfLettersAndDigits0123456789abcdefg me@home"

  @Test("Values are read from the command line and from files, and the written file reads back the same")
  func values() async throws {
    try await withTemporaryFolder { folder in
      let keys = try folder.writing("# mine\n\(Self.key)\n\(Self.key) 2\n", to: "keys.pub").path
      let password = try folder.writing("correct horse = battery\n", to: "password").path
      let values = try FirstBootFile.values([
        "hostname=roof-1", "authorized-keys=@\(keys)", "wifi-ssid=Köln = 1", "wifi-password=@\(password)",
        "timezone=Europe/Berlin",
      ])
      #expect(values.authorizedKeys.count == 2)
      #expect(values[.wifiPassword] == "correct horse = battery")
      #expect(values[.wifiName] == "Köln = 1")
      #expect(try FirstBootValues(Array(values.text.utf8)) == values)
    }
  }

  @Test("The file is written to the boot partition, where mtools finds it; an older one is replaced")
  func file() async throws {
    try await withTemporaryFolder { folder in
      let table = Layout.applianceAB.table(
        ids: DiskIdentity(project: "p", image: "i"), rootType: .linuxRootX86_64, rootContent: .mebibytes(1))
      let disk = folder.appending(path: "disk.img").path
      try DiskImage(table: table).write(to: disk)
      let noFileSystem = await #expect(throws: CommandFailure.self) {
        try await FirstBootFile.write(FirstBootFile.values(["wifi-ssid=Home"]), to: disk, tool: hostTool)
      }
      #expect(noFileSystem?.problem.contains("boot partition") == true)
      let boot = folder.appending(path: "boot.img")
      let made = try Judge("mkfs.fat").run(["-C", "-F", "32", boot.path, "262144"])
      try #require(made.status == 0, "\(made.errors)")
      var filled = DiskImage(table: table)
      try filled.fill(2, with: boot, called: "the boot file system", key: "boot")
      try filled.write(to: disk)

      try await FirstBootFile.write(FirstBootFile.values(["hostname=cellar"]), to: disk, tool: hostTool)
      try await FirstBootFile.write(
        FirstBootFile.values(["hostname=roof", "wifi-ssid=Home"]), to: disk, tool: hostTool)

      let found = try Judge("mtype").run(["-i", "\(disk)@@\(2 << 20)", "::/cultivar.conf"])
      #expect(found.status == 0)
      #expect(found.output == "# Taken over at the first start of the device.\nhostname=roof\nwifi-ssid=Home\n")
      let other = try folder.writing("no disk", to: "other").path
      await #expect(throws: FlashFailure.noBootPartition(other)) {
        try await FirstBootFile.write(FirstBootFile.values(["hostname=roof"]), to: other, tool: hostTool)
      }
    }
  }

  @Test(
    "Invalid values are refused, and secrets are not repeated",
    arguments: [
      ("host=roof", "there is no key `host`; possible: hostname,"), ("hostname=a_b", "`hostname` takes letters"),
      ("hostname", "write `hostname=VALUE`"), ("hostname=-a", "`hostname` takes"),
      ("timezone=../etc", "`timezone` takes"),
      ("authorized-keys=command=\"x\" ssh-rsa AAAA", "without options"),
      ("wifi-ssid=\(String(repeating: "a", count: 33))", "32"),
      ("wifi-password=geheim123", "is secret"), ("hostname=@/nowhere", "it is not UTF-8 text"),
      ("authorized-keys=-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key"),
    ])
  func refusals(setting: String, reason: String) throws {
    let failure = try #require(throws: FlashFailure.self) { try FirstBootFile.values([setting]) }
    #expect(failure.problem.contains(reason), "\(failure.problem)")
    #expect(!failure.description.contains("geheim"))
  }

  @Test(
    "A file with any error is refused as a whole",
    arguments: ["hostname", "hostname=a\nhostname=b", "colour=red", "wifi-password=short", " hostname=a"])
  func files(text: String) {
    #expect(throws: FirstBootValues.Refusal.self) { try FirstBootValues(Array(text.utf8)) }
    #expect(throws: FirstBootValues.Refusal.noText) { try FirstBootValues([0xff, 0xfe]) }
  }
}
