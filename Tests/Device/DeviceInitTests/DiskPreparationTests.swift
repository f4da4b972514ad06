import Testing

@testable import DeviceInit

@Suite struct DiskPreparationTests {
  @Test func `a disk that lacks the end of the image is named with its size and the one that is needed`() throws {
    try DiskPreparation.check("/dev/vda", sectors: 4096, needed: 4096)
    try DiskPreparation.check("/dev/vda", sectors: 5000, needed: 4096)
    let failure = #expect(throws: StageFailure.self) {
      try DiskPreparation.check("/dev/vda", sectors: 4095, needed: 4096)
    }
    let text = "\(try #require(failure))"
    #expect(text.contains("/dev/vda has 2096640 bytes, but the image written to it needs 2097152"))
  }
}
