import FoundationEssentials
import HostSystem

/// A package of Swift's package manager, as the host's own one sees it.
public struct SwiftPackage: Sendable {
  /// Its folder.
  public let folder: URL

  /// Names a package.
  public init(_ folder: URL) {
    self.folder = folder
  }

  private struct Dependency: Decodable {
    var path: String
    var dependencies: [Dependency]

    var all: [String] { [path] + dependencies.flatMap(\.all) }
  }

  /// Folders with sources of the package and of packages that it names by path; all others are fetched into the scratch folder, where
  /// they are pinned by `Package.resolved`, which is in the package's own folder.
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
