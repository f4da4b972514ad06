import FoundationEssentials
import HostSystem

/// A package of Swift's package manager.
public struct SwiftPackage: Sendable {
  public let folder: URL

  public init(_ folder: URL) {
    self.folder = folder
  }

  private struct Dependency: Decodable {
    var path: String
    var dependencies: [Dependency]

    var all: [String] { [path] + dependencies.flatMap(\.all) }
  }

  /// Returns the source folders of the package and its local dependencies.
  ///
  /// All other dependencies are fetched into the scratch folder. `Package.resolved` in the package's folder pins them.
  ///
  /// - Throws: `CommandFailure`.
  public func sourceFolders(scratch: URL) async throws -> [String] {
    let text = try await HostCommand(
      .swift,
      [
        "package", "--package-path", folder.path, "--scratch-path", scratch.path, "show-dependencies", "--format",
        "json",
      ], to: "list the dependencies of \(folder.path)"
    ).run()
    let start = text.firstIndex(of: "{") ?? text.startIndex
    let root = try JSONDecoder().decode(Dependency.self, from: Data(text[start...].utf8))
    return Set(root.all).filter { !$0.hasPrefix(scratch.path) }.sorted()
  }
}
