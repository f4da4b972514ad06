import DeviceModel
import Foundation
import Project
import RaspberryPi
import Testing

@testable import ImageBuild

@Suite("Device classes of Raspberry Pis")
struct RaspberryPiBoardTests {
  private static let classes = BuiltInDeviceClass.allCases.filter(\.isRaspberryPi)

  private func board(_ kind: BuiltInDeviceClass) throws -> RaspberryPiBoard { try #require(DeviceClass(kind).board) }

  @Test(
    "Each class has a master boot record, models, device trees, and U-Boot on its boot partition", arguments: classes)
  func complete(kind: BuiltInDeviceClass) throws {
    let device = DeviceClass(kind)
    let board = try board(kind)
    #expect(device.scheme == .mbr && device.architecture == .arm64)
    #expect(!board.models.isEmpty && !board.upstreamDeviceTrees.isEmpty && !board.deviceTrees.isEmpty)
    let firmware = try board.firmware(.uBoot, lines: [])
    #expect(firmware.packages.contains("u-boot-rpi"))
    #expect(firmware.files.contains { $0.name == "u-boot.bin" && $0.source.contains(board.uBoot) })
    #expect(firmware.configuration.contains("\nkernel=u-boot.bin\n"))
    #expect(device.kernelArguments(.uBoot).allSatisfy { $0.hasPrefix("console=") })
  }

  @Test("The firmware files are those that the chip loads, and a 5 has none")
  func files() throws {
    func names(_ kind: BuiltInDeviceClass, _ loader: BootLoader) throws -> [String] {
      try board(kind).firmware(loader, lines: []).files.map(\.name)
    }
    #expect(try names(.raspberryPi3, .uBoot) == ["bootcode.bin", "start.elf", "fixup.dat", "u-boot.bin"])
    #expect(try names(.raspberryPi4, .tryboot) == ["start4.elf", "fixup4.dat"])
    #expect(try names(.raspberryPi5, .tryboot) == [])
    #expect(try board(.raspberryPi5).packages(.tryboot) == [])
    #expect(
      try names(.raspberryPi, .uBoot) == [
        "bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "u-boot.bin",
      ])
  }

  @Test("Lines of layers follow those of the device class; one that undoes another is refused with its layer")
  func configuration() throws {
    let board = try board(.raspberryPi4)
    let text = try board.firmware(
      .tryboot, lines: [ConfigPart(origin: "layer i2c", lines: ["dtparam=i2c_arm=on"])]
    ).configuration
    #expect(text.contains("initramfs initramfs8 followkernel\ndtparam=i2c_arm=on\n"))
    let failure = try #require(throws: ImageFailure.self) {
      try board.firmware(.uBoot, lines: [ConfigPart(origin: "layer other", lines: ["kernel=mine.img"])])
    }
    #expect(failure.problem.contains("layer other"))
    #expect(failure.problem.contains("kernel=u-boot.bin"))
  }

  @Test("tryboot is refused for models and kernels that cannot, each with its reason")
  func refusals() throws {
    #expect(try board(.raspberryPi3).refusals(.tryboot, kernel: .raspberryPi).count == 1)
    #expect(try board(.raspberryPi4).refusals(.tryboot, kernel: .debian).count == 1)
    #expect(try board(.raspberryPi).refusals(.tryboot, kernel: .debian).count == 2)
    #expect(try board(.raspberryPi4).refusals(.tryboot, kernel: .raspberryPi).isEmpty)
    #expect(try board(.raspberryPi3).refusals(.uBoot, kernel: .debian).isEmpty)
  }

  @Test("The consoles have the names of the kernel that starts")
  func consoles() throws {
    #expect(try board(.raspberryPi3).consoles(.uBoot).last == "console=ttyS1,115200")
    #expect(try board(.raspberryPi5).consoles(.uBoot).last == "console=ttyAMA10,115200")
    #expect(try board(.raspberryPi).consoles(.uBoot).last == "console=ttyS1,115200")
    #expect(try board(.raspberryPi4).consoles(.tryboot).last == "console=serial0,115200")
  }
}
