import BootFlow
import Bundle
import BundleMaking
import DeviceModel
import Emulator
import Foundation
import HostSystem
import PartitionTable
import PowerCuts
import RaspberryPi
import TestFixtures
import Testing

/// A release of an appliance on a disk as for a Raspberry Pi 4 with the boot flow `tryboot`, made from the images of an
/// arm64 image. Its kernel is Debian's, which QEMU's own machine can start.
private struct TrybootRelease {
  /// Unique ID of the partition with `autoboot.txt`.
  static let partitionID = "00000000-0000-4000-8000-000000000001"
  static let numbers = PartitionNumbers(boot: 1, bootA: 2, bootB: 3, rootA: 4, rootB: 5, data: 6)
  private static let bootMebibytes = 96
  private static let rootMebibytes = 192

  let version: String
  let boot: URL
  let root: URL
  /// The image with the data partition.
  private let source: URL
  private let head: BundleManifest
  private let folder: URL

  /// - Parameters:
  ///   - image: An image for arm64, with its bundle beside it.
  ///   - arguments: Further parameters of the kernel.
  init(_ version: String, of image: URL, arguments: [String] = []) async throws {
    self.version = version
    source = image
    folder = try await BootFixture.shared.newFolder()
    let bundle = try BundleFile(UpdateFixture.bundle(beside: image))
    head = bundle.manifest
    let files = try bundle.extract(to: folder.appending(path: "files"))
    func file(_ name: String) throws -> URL { try #require(files[name]) }
    root = try file("root")
    let entry = BootEntry(
      slot: .a, title: "", version: version, commandLine: try Array(Data(contentsOf: file("command-line"))))
    var changed = entry
    changed.arguments += arguments

    // The plan of stage 1 has other partitions. A second archive replaces it.
    let shell = try Judge("sh")
    let plan = try shell.run(
      [
        "-euc", "zstd -qdc \"$0\" | cpio -i --quiet --to-stdout .\(BootPlan.path) \(BootPlan.path.dropFirst())",
        try file("initrd").path,
      ])
    var boot = try JSONDecoder().decode(BootPlan.self, from: Data(plan.output.utf8))
    boot.partitions = Self.numbers
    try folder.writing(Array(try JSONEncoder().encode(boot)), to: "plan\(BootPlan.path)")
    let archive = try shell.run(
      ["-euc", "cd plan && find . | LC_ALL=C sort | cpio -o -H newc --quiet > ../plan.cpio"], in: folder)
    try #require(archive.status == 0, "\(archive.errors)")

    self.boot = folder.appending(path: "boot.img")
    // The kernel looks for a further archive at a multiple of four bytes.
    var initialRAM = try Array(Data(contentsOf: file("initrd")))
    initialRAM += [UInt8](repeating: 0, count: (4 - initialRAM.count % 4) % 4)
    let content: [String: [UInt8]] = [
      "start4.elf": [1], "fixup4.dat": [1], "bcm2711-rpi-4-b.dtb": [1],
      "config.txt": Array("arm_64bit=1\nkernel=vmlinuz\ninitramfs initrd,plan followkernel\n".utf8),
      "cmdline.txt": TrybootFlow.commandLine(of: changed, bootPartition: Self.partitionID),
      "vmlinuz": try Array(Data(contentsOf: file("kernel"))), "initrd": initialRAM,
      "plan": try Array(Data(contentsOf: folder.appending(path: "plan.cpio"))),
    ]
    try Data(try CardImage.fat(content, size: Self.bootMebibytes << 10, clusterSectors: 4)).write(to: self.boot)
  }

  /// Writes a new disk.
  func write(to disk: URL) throws {
    let data = try Self.table(of: source)
    let sizes = [8, Self.bootMebibytes, Self.bootMebibytes, Self.rootMebibytes, Self.rootMebibytes]
    let lengths = sizes.map { UInt64($0) << 11 } + [data.sectorCount]
    var (first, partitions): (UInt64, [Partition]) = (2048, [])
    let fat = PartitionType(try #require(GUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")))
    for (index, length) in lengths.enumerated() {
      partitions.append(
        Partition(
          number: index + 1, type: index < 3 ? fat : .linuxData,
          guid: try #require(GUID(Self.partitionID.dropLast() + "\(index + 1)")), firstLBA: first,
          lastLBA: first + length - 1, name: ["choice", "boot-a", "boot-b", "root-a", "root-b", "data"][index]))
      first += length
    }
    let table = GPT(
      diskGUID: try #require(GUID("00000000-0000-4000-8000-000000000000")), partitions: partitions,
      diskSizeInSectors: first + 2048)
    try SparseDisk.make(disk, size: Int64(first + 2048) * 512)
    let handle = try FileHandle(forWritingTo: disk)
    func write(_ bytes: some DataProtocol, at lba: UInt64) throws {
      try handle.seek(toOffset: lba * 512)
      try handle.write(contentsOf: bytes)
    }
    for region in try table.serialised().regions { try write(region.bytes, at: region.lba) }
    let choice = try CardImage.fat(["autoboot.txt": TrybootFlow.autoboot(numbers: (2, 3))], size: 8192)
    try write(choice, at: partitions[0].firstLBA)
    try write(try Data(contentsOf: boot), at: partitions[1].firstLBA)
    try write(try Data(contentsOf: root), at: partitions[3].firstLBA)
    let from = try FileHandle(forReadingFrom: source)
    try from.seek(toOffset: data.firstLBA * 512)
    try write(try from.read(upToCount: Int(data.sectorCount) * 512) ?? Data(), at: partitions[5].firstLBA)
    try handle.close()
  }

  private static func table(of image: URL) throws -> DiskTable.Extent {
    let file = try FileHandle(forReadingFrom: image)
    let size = try file.seekToEnd()
    let reading = try DiskTableReading(diskSizeInSectors: size / 512) { lba, count -> [UInt8] in
      try file.seek(toOffset: lba * 512)
      return Array(try file.read(upToCount: count * 512) ?? Data())
    }
    return try #require(try reading.table().extents.last)
  }

  /// Makes the signed bundle of this release, as a delta from another one if one is given.
  func bundle(from old: TrybootRelease?, _ signer: ReleaseSigner) async throws -> URL {
    let file = folder.appending(path: "release.bundle")
    try await BundleMaker(wholeLevel: 3).make(
      BundleManifest(product: head.product, devices: head.devices, version: version, created: head.created),
      of: [
        .init(name: "root", file: root, base: old?.root), .init(name: "boot", file: boot, base: old?.boot),
      ], to: file
    ) { try signer.signatures(over: $0) }
    return file
  }

  func judged() throws -> FirmwareJudge.Release {
    FirmwareJudge.Release(
      name: version, boot: try Array(Data(contentsOf: boot)), root: try Array(Data(contentsOf: root)))
  }
}

/// An empty file of a size.
private enum SparseDisk {
  static func make(_ file: URL, size: Int64) throws {
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    try handle.truncate(atOffset: UInt64(size))
    try handle.close()
  }
}

extension Machines {
  /// The boot flow of a Raspberry Pi 4: the double of its firmware chooses, and QEMU's own machine runs its choice.
  @Suite(.enabled(if: BootFixture.hasForeignExecutable, "there is no device executable for arm64"))
  struct TrybootTests {
    @Test(
      "An update commits; one that waits is tried after a loss of power; unhealthy and panicking releases fall back")
    func updates() async throws {
      let fixture = UpdateFixture.shared
      let image = try await fixture.image("1.0", Appliances.updated(timeout: 120), for: .uBoot)
      let next = try await fixture.image("2.0", Appliances.updated(timeout: 120), for: .uBoot)
      let unhealthy = try await fixture.image(
        "3.0", Appliances.updated(check: "http: { port: 8080, path: /missing }", timeout: 10), for: .uBoot)
      let one = try await TrybootRelease("1.0", of: image)
      let two = try await TrybootRelease("2.0", of: next)
      let three = try await TrybootRelease("3.0", of: unhealthy)
      let four = try await TrybootRelease("4.0", of: next, arguments: ["initcall_blacklist=populate_rootfs"])

      let folder = try await BootFixture.shared.newFolder()
      defer { FolderTree.remove(folder.path) }
      let (disk, before) = (folder.appending(path: "disk.img"), folder.appending(path: "before.img"))
      try one.write(to: disk)
      try await MachineDisk.copy(disk, to: before, size: 1 << 30)
      try await MachineDisk.copy(disk, to: folder.appending(path: "card.img"), size: 1 << 30)
      let port = VirtualMachine.freePort()
      var machine = VirtualMachine.single(
        disk: folder.appending(path: "card.img"), firmware: .raspberryPi, architecture: .arm64,
        forwards: [.init(host: port, guest: 8080)])
      machine.model = .pi4
      machine.lend([
        try await fixture.sign(two, from: one), try await fixture.sign(three, from: two),
        try await fixture.sign(four, from: two),
      ])
      let writes = folder.appending(path: "writes.log")
      try FolderTree.replaceFile(writes.path, with: [])
      machine.writeLog = writes

      try await machine.running(in: folder) { machine in
        try await machine.waitForConsole(after: 0)
        #expect(await machine.console.contains("started from /dev/vda, slot a\n"))
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)

        try await machine.update(from: "/dev/vdb")
        var shown = await machine.console
        #expect(shown.contains("reboot: Restarting system with command '0 tryboot'"))
        #expect(shown.contains("slot b, on trial"))
        let committed = try await machine.command("history", until: "committed", seconds: 120)
        #expect(committed.contains("2.0  slot b  committed"))

        // The power is off before the restart: the default starts, and restarts with the flag.
        try await machine.type("update install /dev/vdc --reboot later")
        _ = try await machine.command("history", until: "3.0  slot a  installed", seconds: 180)
        var mark = await machine.mark
        try await machine.reset()
        try await machine.wait(for: "slot b\n", after: mark, seconds: 300)
        try await machine.wait(for: "Restarting system with command '0 tryboot'", after: mark, seconds: 300)
        try await machine.wait(for: "slot a, on trial", after: mark, seconds: 300)
        let left = try await machine.command("history", until: "rolled back", seconds: 400)
        #expect(left.contains("3.0  slot a  rolled back: port 8080/missing: the answer is 404"))

        mark = await machine.mark
        try await machine.type("update install /dev/vdd")
        try await machine.wait(for: "Kernel panic", after: mark, seconds: 300)
        let panicked = try await machine.command("history", until: "4.0  slot a  rolled back", seconds: 400)
        #expect(panicked.contains("4.0  slot a  rolled back: it ended without reporting a reason"))
        let slots = try await machine.command("slots").output
        #expect(slots.contains("b  2.0  running, default"))
        #expect(slots.contains("a  -    empty"))
        shown = await machine.console
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
      try expectEveryCutStarts(writes, on: before, [one, two, three, four])
    }

    /// Judges the states after power cuts, with and without the one-shot flag.
    private func expectEveryCutStarts(_ log: URL, on before: URL, _ releases: [TrybootRelease]) throws {
      let judge = FirmwareJudge(
        try releases.map { try $0.judged() }, FirmwareDouble(.pi4),
        ["a": .init(boot: 2, root: 4), "b": .init(boot: 3, root: 5)])
      // Single sectors of the first three partitions decide.
      let end = UInt64(1 + 8 + 96 + 96) << 20
      let states = CutStates(
        try DiskWriteLog(log), on: try CutDisk(before),
        isImportant: { $0.place < end && $0.length <= 512 }, strides: Patience.isLong ? (1, 3) : (1, 60),
        mixes: Patience.isLong ? 4 : 2)
      var verdicts: [String: Int] = [:]
      var failures: [String] = []
      let count = states.forEach { state, disk in
        for restart in [Restart.powerOn, Restart(argument: TrybootFlow.restartArgument)] {
          switch judge.verdict(on: disk, after: restart) {
          case .success(let slot): verdicts["\(slot)\(restart.isTrial ? " with the flag" : "")", default: 0] += 1
          case .failure(let problem): failures.append("\(state): \(problem)")
          }
        }
      }
      print(
        "power cuts (tryboot): \(count) states with and without the flag, \(failures.count) without a slot; "
          + "\(verdicts.sorted { $0.key < $1.key })")
      #expect(failures.prefix(5) == [])
      #expect(
        Set(verdicts.keys).isSuperset(of: [
          "a 1.0", "b 2.0", "b 2.0 with the flag", "a 3.0 with the flag", "a 4.0 with the flag",
        ]))
    }
  }
}

extension UpdateFixture {
  /// Returns the signed bundle of a release for tryboot, from an older one.
  fileprivate func sign(_ release: TrybootRelease, from old: TrybootRelease) async throws -> URL {
    try await release.bundle(from: old, signer)
  }
}
