import DeviceModel
import TestFixtures
import Testing

@testable import BootFlow

@Suite("Boot entries")
struct BootEntryTests {
  private func entry(_ arguments: [String]) -> BootEntry {
    BootEntry(slot: .b, title: "roof station", version: "1.2.0", arguments: arguments)
  }

  @Test("The entry of systemd-boot has the slot's kernel, initial RAM file system and command line")
  func systemdBoot() {
    #expect(
      entry(["ro", "memmap=1M$2G"]).bootLoaderSpecification(generation: 7) == """
        title roof station
        version 1.2.0
        sort-key cultivar-99999992
        linux /slots/b/linux
        initrd /slots/b/initrd
        options ro memmap=1M$2G cultivar.slot=b

        """)
  }

  @Test("The commands of GRUB have the same, and the boot partition")
  func grub() {
    #expect(
      entry(["console=ttyS0,115200", "ro"]).grubCommands == """
        probe --set=boot_partition --part-uuid $root
        if linux /slots/b/linux console=ttyS0,115200 ro cultivar.slot=b cultivar.loader=grub cultivar.boot-partition=$boot_partition $cultivar_argument; then
          if initrd /slots/b/initrd; then
            boot
          fi
        fi

        """)
  }

  @Test(
    "Special characters of GRUB reach the kernel unchanged",
    arguments: ["memmap=1M$2G", "a;b", "x=\"1\"", "it's", "a{b}", "#c", "a\\b", "*", "é"])
  func quoting(argument: String) throws {
    let line = try #require(entry([argument]).grubCommands.split(separator: "\n").first { $0.hasPrefix("if linux ") })
    let words = String(line.split(separator: " ")[3])
    // The shell has the same rules for single quotes and for a backslash outside of them.
    let verdict = try Judge("sh").run(["-c", "printf %s \(words)"])
    #expect(verdict.output == argument)
  }

  @Test("Each known architecture has a removable loader")
  func removable() {
    #expect(BootPartition.removableLoader("amd64") == "EFI/BOOT/BOOTX64.EFI")
    #expect(BootPartition.removableLoader("arm64") == "EFI/BOOT/BOOTAA64.EFI")
    #expect(BootPartition.removableLoader("m68k") == nil)
  }
}
