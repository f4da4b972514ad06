import DeviceModel
import Foundation
import Testing

@testable import ImageBuild
@testable import Project

@Suite("The fields that identify an image")
struct IdentityTests {
  private func kernel(line: Int) -> KernelDefinition {
    let position = SourcePosition(file: URL(fileURLWithPath: "/project/cultivar.yaml"), line: line, column: 1)
    return KernelDefinition(
      position: position, source: .debian(package: "linux-image-amd64", suite: "trixie"),
      modules: [Located(value: "e1000", position: position)], arguments: ["quiet"], compressesInitialRAM: true)
  }

  @Test("A kernel is identified by its keys, not by their place in the file")
  func kernel() {
    #expect(
      kernel(line: 1).identity == [
        "package linux-image-amd64", "suite trixie", "module e1000", "argument quiet", "compressed",
      ])
    #expect(kernel(line: 2).identity == kernel(line: 1).identity)
  }

  @Test("A release is identified by what its bundles say")
  func release() {
    var release = ReleaseDefinition()
    #expect(release.identity == ["epoch 0", "data schema 0"])
    release.minimumVersion = "1.0"
    release.expires = 5
    release.notes = "Fixes."
    #expect(release.identity == ["epoch 0", "data schema 0", "from 1.0", "expires 5", "notes Fixes."])
  }

  @Test("A device class is identified by all that it decides")
  func device() {
    let device = DeviceClass(
      name: "board", architecture: .arm64, kernelPackage: "linux", kernelArguments: ["console=tty0"],
      bootModules: ["mmc_block"], modules: ["r8169"])
    #expect(
      device.identity == [
        "device board", "architecture arm64", "kernel linux", "argument console=tty0", "boot module mmc_block",
        "module r8169",
      ])
  }
}
