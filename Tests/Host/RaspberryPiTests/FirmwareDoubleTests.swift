import PartitionTable
import RaspberryPi
import TestFixtures
import Testing

@Suite("The double of the Raspberry Pi's firmware")
struct FirmwareDoubleTests {
  private typealias Files = [String: [UInt8]]

  /// The files that a Pi 4 needs.
  private static func files(_ name: String = "a", config: String = "", _ more: Files = [:]) -> Files {
    let base: Files = [
      "start4.elf": Array("firmware".utf8), "fixup4.dat": Array("fixup".utf8), "config.txt": Array(config.utf8),
      "kernel8.img": Array("kernel \(name)".utf8), "bcm2711-rpi-4-b.dtb": Array("tree \(name)".utf8),
      "cmdline.txt": Array("slot=\(name)\nsecond line\n".utf8),
    ]
    return base.merging(more) { $1 }
  }

  private static func medium(_ card: CardImage) -> BootMedium {
    BootMedium(size: UInt64(card.bytes.count)) { card.read($0, $1) }
  }

  private func start(
    _ partitions: [Files], model: Model = .pi4, after restart: Restart = .powerOn, walks: Bool = true
  ) throws -> FirmwareDouble.Start {
    let card = CardImage(try partitions.map { .init(try CardImage.fat($0)) })
    return try FirmwareDouble(model, walksPartitions: walks).start(Self.medium(card), after: restart)
  }

  private func refusal(
    _ partitions: [Files], model: Model = .pi4, after restart: Restart = .powerOn, walks: Bool = true
  ) throws -> String {
    do {
      let start = try start(partitions, model: model, after: restart, walks: walks)
      return "started from \(start.partition)"
    } catch let failure as FirmwareDouble.Failure {
      return failure.reason
    }
  }

  // MARK: The partition

  private static let trialText = Array("[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n".utf8)

  @Test("Without autoboot.txt, the first partition that can be started is started")
  func first() throws {
    let start = try start([["readme": [1]], Self.files("b"), Self.files("c")])
    #expect(start.partition == 2)
    #expect(start.kernel.path == "kernel8.img" && start.kernel.bytes == Array("kernel b".utf8))
    #expect(start.deviceTree.bytes == Array("tree b".utf8))
    #expect(start.commandLine == "slot=b")
    #expect(start.machine == .virt)
    #expect(!start.isTrial)
  }

  @Test("autoboot.txt names the partition; the one-shot flag another one, which reads its own config.txt")
  func trial() throws {
    let disk: [Files] = [["autoboot.txt": Self.trialText], Self.files("a"), Self.files("b")]
    #expect(try start(disk).partition == 2)
    let trial = try start(disk, after: Restart(argument: "0 tryboot"))
    #expect(trial.partition == 3 && trial.isTrial && trial.commandLine == "slot=b")
    #expect(trial.log.contains("autoboot.txt on partition 1: boot_partition=3"))
    #expect(try start(disk, after: Restart(argument: "")).partition == 2)
  }

  @Test("Without tryboot_a_b, a trial reads tryboot.txt of the same partition")
  func fileTrial() throws {
    let other: Files = ["tryboot.txt": Array("kernel=other.img".utf8), "other.img": [7]]
    let disk = [Self.files("a", other)]
    #expect(try start(disk).kernel.path == "kernel8.img")
    #expect(try start(disk, after: Restart(argument: "0 tryboot")).kernel.path == "other.img")
    #expect(try refusal([Self.files()], after: Restart(argument: "0 tryboot")) == "there is no tryboot.txt")
  }

  @Test("A partition that the restart names comes before autoboot.txt")
  func named() throws {
    let disk: [Files] = [["autoboot.txt": Self.trialText], Self.files("a"), Self.files("b")]
    #expect(try start(disk, after: Restart(argument: "3")).partition == 3)
    #expect(try refusal(disk, after: Restart(argument: "63")) == "the restart named partition 63, which means to stop")
  }

  @Test("The boot loader walks on from a partition that cannot be started, and older ones do not")
  func walk() throws {
    let text = Array("boot_partition=3".utf8)
    let disk: [Files] = [["autoboot.txt": text], Self.files("a"), ["config.txt": []]]
    let start = try start(disk)
    #expect(start.partition == 2)
    #expect(start.log.contains("walking through the partitions: 2 can be started"))
    #expect(try refusal(disk, walks: false) == "no partition has start4.elf")
    #expect(try refusal([["autoboot.txt": text], ["a": [1]]]) == "no partition has start4.elf")
    // Not recursive: the autoboot.txt of a partition on the way is ignored.
    let files = Self.files("b", ["autoboot.txt": Array("boot_partition=1".utf8)])
    #expect(try self.start([["autoboot.txt": text], files]).partition == 2)
  }

  @Test(
    "Each model recognises a partition by its own file",
    arguments: [(.pi4, "start4.elf"), (.pi5, "config.txt"), (.pi3, "start.elf")] as [(Model, String)])
  func marks(model: Model, mark: String) throws {
    let first: Files = model == .pi3 ? ["bootcode.bin": [1]] : ["autoboot.txt": []]
    var files = Self.files("x", config: "arm_64bit=1\n")
    files["bcm2712-rpi-5-b.dtb"] = [5]
    files["bcm2710-rpi-3-b.dtb"] = [3]
    (files["start.elf"], files["fixup.dat"]) = ([1], [1])
    #expect(try start([first, files], model: model).partition == 2)
    files[mark] = nil
    #expect(try refusal([first, files], model: model) == "no partition has \(mark)")
  }

  @Test("A Pi 3 needs bootcode.bin on its first partition, and starts as raspi3b")
  func bootROM() throws {
    var files = Self.files(
      "x", config: "arm_64bit=1\n", ["start.elf": [1], "fixup.dat": [1], "bcm2710-rpi-3-b.dtb": [3]])
    #expect(try refusal([files], model: .pi3).contains("no bootcode.bin"))
    files["bootcode.bin"] = [1]
    let start = try start([files], model: .pi3)
    #expect(start.machine == .raspi3b && start.deviceTree.bytes == [3])
  }

  @Test("Only FAT types in the table count, and logical partitions do not")
  func types() throws {
    let boot = try CardImage.fat(Self.files("a"))
    let linux = CardImage([.init(type: 0x83, boot), .init(type: 0x0C, boot)])
    #expect(try FirmwareDouble(.pi4).start(Self.medium(linux)).partition == 2)
    let empty = try CardImage.fat(["a": [1]])
    let logical = CardImage([.init(empty), .init(empty), .init(empty), .init(boot), .init(boot)])
    #expect(throws: FirmwareDouble.Failure.self) { try FirmwareDouble(.pi4).start(Self.medium(logical)) }
  }

  @Test(
    "A disk without a table, an empty disk and a cut disk start nothing", arguments: [0, 100, 512, 1 << 20, 3 << 20])
  func noDisk(size: Int) throws {
    let boot = try CardImage.fat(Self.files("a"))
    let whole = CardImage([.init(boot)])
    let medium = BootMedium(size: UInt64(size)) { offset, count in
      Array(whole.read(offset, count).prefix(max(0, size - Int(min(offset, UInt64(size))))))
    }
    #expect(throws: FirmwareDouble.Failure.self) { try FirmwareDouble(.pi4).start(medium) }
  }

  /// A disk with a GPT.
  private func gptDisk(_ contents: [[UInt8]], type: PartitionType) throws -> BootMedium {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var partitions: [Partition] = []
    for (index, content) in contents.enumerated() {
      let first = UInt64(bytes.count / 512)
      bytes += content
      partitions.append(
        Partition(
          number: index + 1, type: type, guid: GUID("00000000-0000-4000-8000-00000000000\(index + 1)") ?? .zero,
          firstLBA: first, lastLBA: UInt64(bytes.count / 512) - 1, name: ""))
    }
    bytes += [UInt8](repeating: 0, count: 1 << 20)
    let table = GPT(
      diskGUID: GUID("00000000-0000-4000-8000-000000000000") ?? .zero, partitions: partitions,
      diskSizeInSectors: UInt64(bytes.count / 512))
    let serialised = try table.serialised()
    for region in serialised.regions {
      bytes.replaceSubrange(Int(region.lba) * 512..<Int(region.lba) * 512 + region.bytes.count, with: region.bytes)
    }
    let disk = bytes
    return BootMedium(size: UInt64(disk.count)) { offset, count in
      let start = Int(min(offset, UInt64(disk.count)))
      return Array(disk[start..<min(start + count, disk.count)])
    }
  }

  @Test("A GPT is read as well; FAT32 with few clusters on it is not, and Linux types are not")
  func gpt() throws {
    let double = FirmwareDouble(.pi4)
    let sixteen = try CardImage.fat(Self.files("a"))
    #expect(try double.start(gptDisk([sixteen], type: .efiSystem)).partition == 1)
    let basic = PartitionType(try #require(GUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")))
    #expect(try double.start(gptDisk([sixteen], type: basic)).partition == 1)
    #expect(throws: FirmwareDouble.Failure.self) { try double.start(gptDisk([sixteen], type: .linuxData)) }
    // mtools writes to no FAT32 with few clusters, so a larger one is cut: its size is at offset 32.
    let sectors = 30_000
    var small = Array(try CardImage.fat(Self.files("a"), variant: 32, size: 40_000).prefix(sectors * 512))
    for place in 0..<4 { small[32 + place] = UInt8(truncatingIfNeeded: sectors >> (8 * place)) }
    for place in 19..<21 { small[place] = 0 }
    let failure = #expect(throws: FirmwareDouble.Failure.self) { try double.start(gptDisk([small], type: .efiSystem)) }
    #expect(failure?.log.first?.contains("the boot loader takes it for FAT16") == true, "\(failure?.log ?? [])")
    // In an MBR, such a file system is read.
    #expect(try double.start(Self.medium(CardImage([.init(type: 0x0C, small)]))).partition == 1)
  }

  // MARK: config.txt

  @Test("Settings under filters for other models, displays and pins do not apply; later ones count")
  func filters() throws {
    let config = """
      cmdline=first.txt
      [pi5]
      cmdline=five.txt
      [pi4]
      cmdline=four.txt
      [gpio4=1]
      cmdline=pin.txt
      [all]
      [pi6]
      cmdline=six.txt
      """
    let start = try start([Self.files(config: config, ["four.txt": Array("four".utf8)])])
    #expect(start.commandLine == "four")
    #expect(start.log.contains { $0.contains("unknown filter [pi6]") })
  }

  @Test("A file that is included takes the place of its line, with its filters; a circle is refused")
  func includes() throws {
    let config = "include one.txt\nkernel=all.img\n"
    let one: Files = ["one.txt": Array("kernel=one.img\n[pi5]\n".utf8), "one.img": [1], "all.img": [2]]
    #expect(try start([Self.files(config: config, one)]).kernel.bytes == [1])
    #expect(try start([Self.files(config: "include none.txt\n")]).log.contains("config.txt:1: cannot open none.txt"))
    let circle = Self.files(config: "include config.txt\n")
    #expect(try refusal([circle]).contains("include each other"))
    // Two includes in each of eight files would be 256 files.
    let wide = Self.files(config: String(repeating: "include config.txt\n", count: 100))
    #expect(try refusal([wide]).contains("include each other"))
  }

  @Test("Without arm_64bit, a Pi 3 would start a 32-bit kernel, and a Pi 4 would not")
  func modes() throws {
    var files = Self.files("x", ["start.elf": [1], "fixup.dat": [1], "bootcode.bin": [1], "bcm2710-rpi-3-b.dtb": [3]])
    #expect(try refusal([files], model: .pi3).contains("arm_64bit=1 is missing"))
    files["config.txt"] = Array("kernel=kernel8.img".utf8)
    #expect(try start([files], model: .pi3).kernel.path == "kernel8.img")
    #expect(try refusal([Self.files(config: "arm_64bit=0")]).contains("32-bit"))
    #expect(try refusal([Self.files(config: "kernel=kernel7l.img")]).contains("32-bit"))
  }

  @Test("A Pi 5 prefers kernel_2712.img, and needs no firmware files")
  func five() throws {
    var files: Files = [
      "config.txt": [], "kernel8.img": [8], "bcm2712-rpi-5-b.dtb": [5], "cmdline.txt": Array("x".utf8),
    ]
    #expect(try start([files], model: .pi5).kernel.bytes == [8])
    files["kernel_2712.img"] = [12]
    #expect(try start([files], model: .pi5).kernel.bytes == [12])
  }

  @Test(
    "Files that are missing are refused by name",
    arguments: [
      ("fixup4.dat", "", "fixup4.dat"), ("kernel8.img", "", "kernel8.img"),
      ("bcm2711-rpi-4-b.dtb", "", "bcm2711-rpi-4-b.dtb"), ("x", "start_x=1", "start4x.elf"),
      ("x", "start_file=other.elf", "other.elf"), ("x", "kernel=none.img", "none.img"),
      ("x", "device_tree=none.dtb", "none.dtb"), ("x", "device_tree=", "without a name"),
    ])
  func missing(file: String, config: String, reason: String) throws {
    var files = Self.files(config: config)
    files[file] = nil
    #expect(try refusal([files]).contains(reason))
  }

  @Test("os_prefix applies to kernel, device tree, command line and initial RAM file system, and not to absolute paths")
  func prefixes() throws {
    let system: Files = [
      "new/kernel8.img": [1], "new/bcm2711-rpi-4-b.dtb": [2], "new/cmdline.txt": Array("new".utf8), "new/initrd": [3],
      "shared.img": [4],
    ]
    let start = try start([Self.files(config: "os_prefix=new/\ninitramfs initrd followkernel\n", system)])
    #expect(start.kernel.bytes == [1] && start.deviceTree.bytes == [2] && start.commandLine == "new")
    #expect(start.initialRAM == [3])
    let absolute = try self.start([Self.files(config: "os_prefix=new/\nkernel=/shared.img\n", system)])
    #expect(absolute.kernel.bytes == [4] && absolute.deviceTree.bytes == [2])
  }

  @Test("An os_prefix without kernel or device tree is ignored")
  func prefixWithoutSystem() throws {
    let start = try start([Self.files(config: "os_prefix=new/\n", ["new/kernel8.img": [1]])])
    #expect(start.kernel.path == "kernel8.img")
    #expect(start.log.contains("os_prefix new/ is ignored: it has no kernel and device tree"))
  }

  @Test("Overlays have the prefix of the system only if it has overlays/README")
  func overlays() throws {
    let system: Files = [
      "new/kernel8.img": [1], "new/bcm2711-rpi-4-b.dtb": [2], "overlays/a.dtbo": [3], "new/overlays/a.dtbo": [4],
    ]
    let config = "os_prefix=new/\ndtoverlay=a,speed=1\ndtoverlay=\ndtoverlay=none\n"
    let shared = try start([Self.files(config: config, system)])
    #expect(shared.overlays == ["overlays/a.dtbo"])
    #expect(shared.log.contains("there is no overlays/none.dtbo"))
    let own = try start([Self.files(config: config, system.merging(["new/overlays/README": [0]]) { $1 })])
    #expect(own.overlays == ["new/overlays/a.dtbo"])
    let folder = try start([Self.files(config: "overlay_prefix=other/\ndtoverlay=b\n", ["other/b.dtbo": [1]])])
    #expect(folder.overlays == ["other/b.dtbo"])
  }

  @Test("upstream_kernel prefers the mainline device tree and the folder upstream")
  func upstream() throws {
    var files = Self.files(
      "x", config: "arm_64bit=1\nupstream_kernel=1\n",
      ["start.elf": [1], "fixup.dat": [1], "bootcode.bin": [1], "bcm2710-rpi-3-b.dtb": [1]])
    let downstream = try start([files], model: .pi3)
    #expect(downstream.deviceTree.bytes == [1])
    #expect(downstream.log.contains { $0.contains("overlay “upstream”") })
    files["bcm2837-rpi-3-b.dtb"] = [2]
    #expect(try start([files], model: .pi3).deviceTree.bytes == [2])
    (files["upstream/kernel8.img"], files["upstream/bcm2837-rpi-3-b.dtb"]) = ([3], [4])
    let own = try start([files], model: .pi3)
    #expect(own.kernel.bytes == [3] && own.deviceTree.bytes == [4])
  }

  @Test("Several initial RAM file systems are one; a missing one disables all")
  func initialRAM() throws {
    let more: Files = ["one": [1], "two": [2], "initramfs8": [8]]
    #expect(try start([Self.files(config: "initramfs one,two followkernel", more)]).initialRAM == [1, 2])
    #expect(try start([Self.files(config: "ramfsfile=two", more)]).initialRAM == [2])
    let missing = try start([Self.files(config: "initramfs one,three followkernel", more)])
    #expect(missing.initialRAM == nil)
    #expect(missing.log.contains("there is no three: initramfs is disabled"))
    #expect(try start([Self.files("a", more)]).initialRAM == nil)
  }

  @Test("auto_initramfs takes its name from the kernel's, in the kernel's folder")
  func automatic() throws {
    #expect(try start([Self.files(config: "auto_initramfs=1", ["initramfs8": [8]])]).initialRAM == [8])
    let system: Files = ["new/kernel8.img": [1], "new/bcm2711-rpi-4-b.dtb": [2], "new/initramfs8": [9]]
    #expect(try start([Self.files(config: "auto_initramfs=1\nos_prefix=new/", system)]).initialRAM == [9])
    let other = try start([Self.files(config: "auto_initramfs=1\nkernel=vmlinuz", ["vmlinuz": [1]])])
    #expect(other.initialRAM == nil)
    let none = try start([Self.files(config: "auto_initramfs=1")])
    #expect(none.log.contains("auto_initramfs is ignored: there is no initramfs8"))
  }

  @Test("Files are found in any case, and an empty command line is possible")
  func cases() throws {
    var files = Self.files(config: "kernel=VMLINUZ", ["vmlinuz": [1]])
    files["cmdline.txt"] = nil
    let start = try start([files])
    #expect(start.kernel.bytes == [1] && start.commandLine == "")
  }

  // MARK: The restart

  @Test(
    "The argument of a restart has a partition and the flag",
    arguments: [
      ("0 tryboot", 0, true), ("", 0, false), ("2", 2, false), ("3 tryboot", 3, true), ("tryboot", 0, false),
      ("99", 0, false), ("-1", 0, false), ("99999999999999999999999", 0, false),
    ])
  func arguments(argument: String, partition: Int, isTrial: Bool) {
    #expect(Restart(argument: argument) == Restart(partition: partition, isTrial: isTrial))
  }

  @Test("The last restart on a console counts; without one the device was switched on")
  func console() {
    let mark = "reboot: Restarting system"
    #expect(Restart(console: "") == .powerOn)
    #expect(Restart(console: "[    1.0] booting\n[ 9.9] \(mark)\r\n") == .powerOn)
    #expect(Restart(console: "[ 9.9] \(mark) with command '0 tryboot'\r\n").isTrial)
    #expect(Restart(console: "\(mark) with command '0 tryboot'\nboot\n\(mark)\n") == .powerOn)
    #expect(Restart(console: "\(mark) with command '") == .powerOn)
  }

  @Test("A disk that is damaged at random is refused or started, in bounded time")
  func damage() throws {
    let card = CardImage(
      [
        .init(try CardImage.fat(["autoboot.txt": Self.trialText], variant: 12, size: 1440)),
        .init(try CardImage.fat(Self.files("a"))),
      ])
    var random = SeededGenerator(seed: 7)
    var started = 0
    for _ in 0..<200 {
      var bytes = card.bytes
      for _ in 0..<8 {
        // In the table, the boot sectors, the allocation tables or the folders.
        let starts = [0, card.places[1]?.lowerBound ?? 0, card.places[2]?.lowerBound ?? 0]
        let start = starts.randomElement(using: &random) ?? 0
        let range = start..<start + (start == 0 ? 512 : 40_000)
        if let place = range.randomElement(using: &random) { bytes[place] = UInt8.random(in: 0...255, using: &random) }
      }
      let damaged = bytes
      let medium = BootMedium(size: UInt64(damaged.count)) { offset, count in
        let start = Int(min(offset, UInt64(damaged.count)))
        return Array(damaged[start..<min(start + count, damaged.count)])
      }
      do {
        _ = try FirmwareDouble(.pi4).start(medium)
        started += 1
      } catch is FirmwareDouble.Failure {
        continue
      }
    }
    #expect((1..<200).contains(started))
  }
}
