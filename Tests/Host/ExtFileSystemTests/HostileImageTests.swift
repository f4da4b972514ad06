import Foundation
import HostileImages
import TestFixtures
import Testing

/// Inputs by which libFuzzer has reached every part of the readers. If `CULTIVAR_TEST_LONG` is 1, also new ones.
@Suite("Untrusted disks", .timeLimit(.minutes(10)))
struct HostileImageTests {
  private static let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] == "1"
  @Test("Each stored input is refused or read, also with a changed byte or truncated")
  func stored() throws {
    let corpus = Checkout.folder.appending(path: "Fuzzing/Images")
    let files = try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
    #expect(files.count > 10)
    for file in files {
      let input = [UInt8](try Data(contentsOf: file))
      try HostileImage.read(input)
      for place in stride(from: 1, to: input.count, by: max(1, input.count / 16)) {
        var changed = input
        changed[place] ^= 0xff
        try HostileImage.read(changed)
        try HostileImage.read(Array(input[..<place]))
      }
    }
  }

  @Test("A minute of new inputs does no harm", .enabled(if: isLong, "CULTIVAR_TEST_LONG is not 1"))
  func new() throws {
    let verdict = try Judge(at: Checkout.folder.appending(path: "Scripts/fuzz")).run(
      ["--images", "60"], in: Checkout.folder)
    #expect(verdict.status == 0, "\(verdict.errors.suffix(4000))")
  }
}
