import PartitionTable
import Testing

@Suite struct GUIDTests {
  @Test func `the first three groups are little-endian on a disk`() throws {
    let guid = try #require(GUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"))
    let onDisk: [UInt8] = [
      0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B,
    ]
    #expect(guid.onDisk == onDisk)
    #expect(GUID(onDisk: guid.onDisk) == guid)
  }

  @Test func `text in either case gives the same id`() throws {
    let guid = try #require(GUID("0fc63daf-8483-4772-8e79-3d69d8477de4"))
    #expect(GUID(guid.uppercased) == guid)
    #expect(guid.description == "0fc63daf-8483-4772-8e79-3d69d8477de4")
  }

  @Test(arguments: [
    "", "0fc63daf84834772-8e79-3d69d8477de4", "0fc63daf-8483-4772-8e79-3d69d8477de",
    "0fc63dag-8483-4772-8e79-3d69d8477de4",
    "{0fc63daf-8483-4772-8e79-3d69d8477de4}",
  ])
  func `text of another form is refused`(text: String) {
    #expect(GUID(text) == nil)
  }

  @Test func `random ids carry version 4 and the variant of the RFC`() {
    var generator = CountingGenerator()
    let text = Array(GUID.random(using: &generator).description)
    #expect(text[14] == "4")
    #expect("89ab".contains(text[19]))
  }

  @Test func `the known types are distinct and none is the unused one`() {
    let types: Set<PartitionType> = [
      .efiSystem, .biosBoot, .extendedBoot, .linuxRootX86_64, .linuxRootARM64, .linuxData,
    ]
    #expect(types.count == 6)
    #expect(!types.contains(.unused))
  }
}
