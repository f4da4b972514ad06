import FoundationEssentials
import TestFixtures
import Testing

@Suite("The sides of the package: shared, device, host")
struct ArchitectureTests {
  @Test("Shared targets depend on neither side, and device targets depend on no host target")
  func sides() async throws {
    let targets = try await Self.targets()
    let sides = Dictionary(targets.compactMap { target in target.side.map { (target.name, $0) } }) { $1 }

    #expect(Set(sides.values) == ["Shared", "Device", "Host"])
    for target in targets {
      guard let side = target.side, side != "Host" else { continue }
      for needed in target.target_dependencies ?? [] {
        #expect(
          sides[needed] == "Shared" || sides[needed] == side, "\(side)/\(target.name) depends on \(needed)")
      }
    }
  }

  @Test("Each target of the product has a line in the map of the folders")
  func map() async throws {
    let map = try String(contentsOf: Checkout.folder.appending(path: "Sources/README.md"), encoding: .utf8)
    for target in try await Self.targets() where target.side != nil {
      #expect(map.contains("| `\(target.name)` |"), "Sources/README.md lacks \(target.name)")
    }
  }

  private struct Package: Decodable {
    var targets: [Target]
  }

  /// A target in the output of `swift package describe`.
  private struct Target: Decodable {
    var name: String
    var path: String
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var target_dependencies: [String]?

    /// The folder below `Sources`, or `nil` outside it.
    var side: String? {
      let parts = path.split(separator: "/")
      return parts.first == "Sources" ? parts.dropFirst().first.map(String.init) : nil
    }
  }

  private static func targets() async throws -> [Target] {
    let verdict = try await withTemporaryFolder { scratch in
      // The build folder is locked while tests run.
      try Judge("swift").run(
        ["package", "--scratch-path", scratch.path, "describe", "--type", "json"], in: Checkout.folder)
    }
    try #require(verdict.status == 0, "\(verdict.errors)")
    return try JSONDecoder().decode(Package.self, from: Data(verdict.output.utf8)).targets
  }
}
