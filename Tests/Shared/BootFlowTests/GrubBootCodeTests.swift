import Testing

import BootFlow

@Suite("GRUB's sectors")
struct GrubBootCodeTests {
  private let bootSector = [UInt8](repeating: 0xaa, count: 512)

  @Test("The first sector points to the core image, and the core image to its rest")
  func pointers() {
    let core = [UInt8](repeating: 0xbb, count: 512 * 3 + 10)
    let code = GrubBootCode(bootSector: bootSector, core: core, firstLBA: 0x1234)

    #expect(code.bootCode.count == 440)
    #expect(Array(code.bootCode[0x5c..<0x64]) == [0x34, 0x12, 0, 0, 0, 0, 0, 0])
    #expect(Array(code.bootCode[0x66..<0x68]) == [0x90, 0x90])
    #expect(code.bootCode[0..<0x5c].allSatisfy { $0 == 0xaa })
    #expect(code.core.count == 4 * 512)
    #expect(Array(code.core[500..<510]) == [0x35, 0x12, 0, 0, 0, 0, 0, 0, 3, 0])
    #expect(code.core[(512 * 3 + 10)...].allSatisfy { $0 == 0 })
  }

  @Test("The pointer in the first sector can be read")
  func pointer() {
    let code = GrubBootCode(bootSector: bootSector, core: [UInt8](repeating: 1, count: 600), firstLBA: 0x123456)
    #expect(GrubBootCode.coreLBA(inFirstSector: code.bootCode) == 0x123456)
  }
}
