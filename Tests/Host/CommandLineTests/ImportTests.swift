import FoundationEssentials
import TestFixtures
import Testing

/// Checks the imports in the sources of all executables.
struct ImportTests {
  @Test("No source imports full Foundation, which would add 30 MB of ICU data")
  func foundation() throws {
    let sources = Checkout.folder.appending(path: "Sources").path
    let files = try FileManager.default.subpathsOfDirectory(atPath: sources).filter { $0.hasSuffix(".swift") }

    let importing = try files.filter { file in
      try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8).split(separator: "\n").contains { line in
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "import") else { return false }
        // `import struct Foundation.Data` also links it.
        return words[index...].dropFirst().contains { $0 == "Foundation" || $0.hasPrefix("Foundation.") }
      }
    }

    #expect(files.count > 100)
    #expect(importing == [])
  }
}
