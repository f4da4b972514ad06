import RaspberryPi
import Testing

@Suite("Images that cannot start are refused before they are built")
struct BootRefusalTests {
  @Test("tryboot is refused for old models and for Debian's kernel, with both reasons")
  func tryboot() {
    #expect(BootRefusal.tryboot(models: [.pi4, .pi5], kernel: .raspberryPi) == [])
    #expect(BootRefusal.tryboot(models: [.pi4], kernel: .debian).first?.reason.contains("Debian's cannot set") == true)
    let all = BootRefusal.tryboot(models: Model.allCases, kernel: .debian)
    #expect(all.count == 2)
    #expect(all.first?.description.contains("on the models 3, 3+, cm3, zero-2w") == true)
    #expect(all.allSatisfy { $0.hint.contains("u-boot") })
  }

  @Test("A GPT needs a start4.elf of January 2025, on the models that load it")
  func gpt() {
    func refusals(_ models: [Model], _ table: BootRefusal.Table, _ day: BootRefusal.Day?) -> Int {
      BootRefusal.gpt(models: models, table: table, firmware: day).count
    }
    #expect(refusals([.pi4], .gpt, .init(2024, 4, 17)) == 1)
    #expect(refusals([.pi4], .gpt, nil) == 1)
    #expect(refusals([.pi4], .gpt, .init(2025, 1, 16)) == 0)
    #expect(refusals([.pi4], .mbr, .init(2024, 4, 17)) == 0)
    #expect(refusals([.pi5, .pi3], .gpt, nil) == 0)
  }

  @Test("FAT32 on a GPT needs 65,525 clusters")
  func fat() {
    func refusals(_ isFAT32: Bool, _ clusters: UInt64, _ table: BootRefusal.Table) -> Int {
      BootRefusal.fat(partition: "boot-a", isFAT32: isFAT32, clusters: clusters, table: table).count
    }
    #expect(refusals(true, 65_524, .gpt) == 1)
    #expect(refusals(true, 65_525, .gpt) == 0)
    #expect(refusals(true, 65_524, .mbr) == 0)
    #expect(refusals(false, 8095, .gpt) == 0)
  }

  @Test("A Pi 5 needs a kernel with the driver of its SD card")
  func driver() {
    let without = "CONFIG_MMC=y\n# CONFIG_MMC_SDHCI_BRCMSTB is not set\n"
    #expect(BootRefusal.storageDriver(models: [.pi5], configuration: without).count == 1)
    #expect(BootRefusal.storageDriver(models: [.pi4], configuration: without) == [])
    #expect(BootRefusal.storageDriver(models: [.pi5], configuration: "CONFIG_MMC_SDHCI_BRCMSTB=m\n") == [])
  }

  @Test("The date of start4.elf is found in it, beside the time of day")
  func date() {
    let file = Array("..VC_BUILD_ID_TIME: 17:27:09\0VC_BUILD_ID_TIME: Apr 17 2024\0VC_BUILD".utf8)
    #expect(FirmwareDate.find(in: file) == .init(2024, 4, 17))
    #expect(FirmwareDate.find(in: Array("VC_BUILD_ID_TIME: Apr  7 2024\0".utf8)) == .init(2024, 4, 7))
    #expect(FirmwareDate.find(in: Array("VC_BUILD_ID_TIME: Xyz 17 2024\0VC_".utf8)) == nil)
    #expect("\(BootRefusal.Day(2025, 1, 6))" == "2025-01-06")
  }
}
