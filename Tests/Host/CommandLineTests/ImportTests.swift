import FoundationEssentials
import TestFixtures
import Testing

/// The sources of all executables.
struct ImportTests {
  @Test("No source of the tool or of the device imports full Foundation, which brings 30 MB of ICU's data")
  func foundation() throws {
    let sources = Checkout.folder.appending(path: "Sources").path
    let files = try FileManager.default.subpathsOfDirectory(atPath: sources).filter { $0.hasSuffix(".swift") }

    let importing = try files.filter { file in
      try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8).split(separator: "\n").contains { line in
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "import") else { return false }
        // `import struct Foundation.Data` links it, too.
        return words[index...].dropFirst().contains { $0 == "Foundation" || $0.hasPrefix("Foundation.") }
      }
    }

    #expect(files.count > 100)
    #expect(importing == [])
  }
}
