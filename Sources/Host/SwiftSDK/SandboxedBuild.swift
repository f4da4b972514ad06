import FoundationEssentials
import HostSystem
import Sandbox

/// `swift build` with the compiler of a Debian SDK: in a sandbox that has no network, and sees of the host the folders that the build
/// reads and the one that it writes, at the same paths.
///
/// What the package depends on has to be in the scratch folder already, where the host's package manager puts it: only that one
/// knows the user's settings of git, keys and mirrors.
public struct SandboxedBuild: Sendable {
  private let sdk: DebianSDK
  private let root: URL
  private let package: URL
  private let sources: [String]
  private let scratch: URL

  /// Describes a build.
  ///
  /// - Parameters:
  ///   - package: Folder of the package.
  ///   - scratch: Folder of the package manager's, for the host's and the SDK's.
  /// - Throws: ``SDKFailure`` without a package manager on the host, `CommandFailure`.
  public init(sdk: DebianSDK, in sdks: DebianSDKs, package: SwiftPackage, scratch: URL) async throws {
    let sources = try await package.sourceFolders(scratch: scratch)
    self.init(
      sdk: sdk, root: sdks.folder(of: sdk).appending(path: "root"), package: package.folder, sources: sources,
      scratch: scratch)
  }

  init(sdk: DebianSDK, root: URL, package: URL, sources: [String], scratch: URL) {
    self.sdk = sdk
    self.root = root
    self.package = package
    self.sources = sources
    self.scratch = scratch
  }

  /// Where executables come to be.
  ///
  /// - Parameter configuration: `release` or `debug`.
  public func products(_ configuration: String) -> URL { scratch.appending(path: "\(sdk.triple)/\(configuration)") }

  /// The whole command.
  ///
  /// - Parameter options: Options of `swift build`.
  func command(_ options: [String]) -> [String] {
    [
      "swift", "build", "--swift-sdks-path", SDKBundle.folder, "--swift-sdk",
      SDKBundle(architecture: sdk.architecture, triple: sdk.triple).name, "--package-path", package.path,
      "--scratch-path", scratch.path,
      // What the host's package manager has resolved counts; manifests are compiled once, and not at every build.
      "--disable-automatic-resolution", "--manifest-cache", "local",
    ] + options
  }

  /// In memory: the tree may belong to another user, whose folders cannot be written to.
  private static let home = "/tmp/home"

  /// What the build sees of the host. The scratch folder may be in the package's, so it comes last.
  func bindings(home: URL) -> [Sandbox.Binding] {
    // The package manager writes beside its settings: single files are bound, not their folder.
    let settings = ["mirrors.json", "registries.json"].map { ".swiftpm/configuration/\($0)" }
      .filter { FileManager.default.fileExists(atPath: home.appending(path: $0).path) }
    return settings.map { Sandbox.Binding(home.appending(path: $0), at: "\(Self.home)/\($0)") }
      + Set(sources + [package.path]).sorted().map { Sandbox.Binding(URL(fileURLWithPath: $0), at: $0) }
      + [Sandbox.Binding(scratch, at: scratch.path, isWritable: true)]
  }

  /// The sandbox itself is set up by programs of the host's.
  private static let environment = [
    "HOME": home, "PATH": "\(SDKContent.tools):/usr/sbin:/usr/bin:/sbin:/bin",
  ]

  /// Builds, and gives what the package manager says when it has ended.
  ///
  /// - Parameters:
  ///   - options: Options of `swift build`.
  ///   - purpose: What is being done, for the error.
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func run(_ options: [String], in sandbox: Sandbox, to purpose: String) async throws -> String {
    try FolderTree.create(scratch.path)
    return try await sandbox.run(
      "exec " + command(options).map(\.quotedForShell).joined(separator: " ") + "\n", root: .view(lower: [root]),
      bindings: bindings(home: FileManager.default.homeDirectoryForCurrentUser), environment: Self.environment,
      folder: package.path, to: purpose)
  }

  /// Prepares the build for somebody else to run, with a terminal.
  ///
  /// - Throws: `FileFailure`.
  public func session(_ options: [String], in sandbox: Sandbox) throws -> Sandbox.Session {
    try FolderTree.create(scratch.path)
    return try sandbox.session(
      command(options), root: .view(lower: [root]),
      bindings: bindings(home: FileManager.default.homeDirectoryForCurrentUser), environment: Self.environment,
      folder: package.path)
  }
}
