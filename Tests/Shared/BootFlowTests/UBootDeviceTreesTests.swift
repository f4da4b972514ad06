import Testing

@testable import BootFlow

@Suite("Device trees for U-Boot")
struct UBootDeviceTreesTests {
  @Test("The head names the place of each tree, and each tree is there")
  func places() throws {
    let trees: [(name: String, content: [UInt8])] = [
      ("broadcom/one.dtb", [UInt8](repeating: 1, count: 700)), ("broadcom/two.dtb", [UInt8](repeating: 2, count: 512)),
    ]
    let file = UBootDeviceTrees.bytes(trees)
    let variables = try #require(UBootEnvironment.variables(Array(file.prefix(UBootDeviceTrees.headLength))))
    #expect(variables.count == 2)
    for tree in trees {
      let commands = try #require(variables["tree_\(tree.name)"])
      let numbers = commands.matches(of: /0x([0-9a-f]+)/).compactMap { Int($0.output.1, radix: 16) }
      #expect(numbers.count == 2)
      #expect(Array(file[numbers[1]..<numbers[1] + numbers[0]]) == tree.content)
    }
  }

  @Test("The script reads as much as the head has, and 40 trees fit")
  func limits() {
    #expect(UBoot.script.contains("0x\(String(UBootDeviceTrees.headLength, radix: 16))"))
    let many = (0..<40).map { (name: "broadcom/bcm2837-rpi-a-long-name-\($0).dtb", content: [UInt8]()) }
    #expect(UBootDeviceTrees.bytes(many).count == UBootDeviceTrees.headLength)
  }
}
