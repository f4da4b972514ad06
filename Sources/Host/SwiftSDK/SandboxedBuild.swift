import FoundationEssentials
import HostSystem
import Sandbox

/// `swift build` with the compiler of a Debian SDK, in a sandbox without network.
///
/// The sandbox sees the folders that the build reads and the one that it writes, at the same paths as on the host.
///
/// The package's dependencies must already be in the scratch folder. The host's package manager puts them there, as
/// only it knows the user's settings for git, keys and mirrors.
public struct SandboxedBuild: Sendable {
  private let sdk: DebianSDK
  private let root: URL
  private let package: URL
  private let sources: [String]
  private let scratch: URL

  /// - Parameters:
  ///   - package: The package to build.
  ///   - scratch: Scratch folder of the package manager, shared by the host's and the SDK's.
  /// - Throws: `CommandFailure`, also if the host has no package manager.
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

  /// Returns the folder of the executables.
  ///
  /// - Parameter configuration: `release` or `debug`.
  public func products(_ configuration: String) -> URL { scratch.appending(path: "\(sdk.triple)/\(configuration)") }

  /// Returns the complete command.
  ///
  /// - Parameter options: Options of `swift build`.
  func command(_ options: [String]) -> [String] {
    [
      "swift", "build", "--swift-sdks-path", SDKBundle.folder, "--swift-sdk",
      SDKBundle(architecture: sdk.architecture, triple: sdk.triple).name, "--package-path", package.path,
      "--scratch-path", scratch.path,
      // Uses the versions that the host's package manager has resolved. Manifests are compiled once and not at every
      // build.
      "--disable-automatic-resolution", "--manifest-cache", "local",
    ] + options
  }

  /// A home folder in memory, as the tree may belong to another user and cannot be written to.
  private static let home = "/tmp/home"

  /// Returns the bindings of host files. The scratch folder is last, as it may be in the package's folder.
  func bindings(home: URL) -> [Sandbox.Binding] {
    // Single files are bound instead of their folder, as the package manager writes to the folder.
    let settings = ["mirrors.json", "registries.json"].map { ".swiftpm/configuration/\($0)" }
      .filter { FileManager.default.fileExists(atPath: home.appending(path: $0).path) }
    return settings.map { Sandbox.Binding(home.appending(path: $0), at: "\(Self.home)/\($0)") }
      + Set(sources + [package.path]).sorted().map { Sandbox.Binding(URL(fileURLWithPath: $0), at: $0) }
      + [Sandbox.Binding(scratch, at: scratch.path, isWritable: true)]
  }

  /// The environment in the sandbox. The programs that set up the sandbox are the host's.
  private static let environment = [
    "HOME": home, "PATH": "\(SDKContent.tools):/usr/sbin:/usr/bin:/sbin:/bin",
  ]

  /// Builds, and returns the package manager's output.
  ///
  /// - Parameters:
  ///   - options: Options of `swift build`.
  ///   - purpose: The action, for the error message.
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func run(_ options: [String], in sandbox: Sandbox, to purpose: String) async throws -> String {
    try FolderTree.create(scratch.path)
    return try await sandbox.run(
      "exec " + command(options).map(\.quotedForShell).joined(separator: " ") + "\n", root: .view(lower: [root]),
      bindings: bindings(home: FileManager.default.homeDirectoryForCurrentUser), environment: Self.environment,
      folder: package.path, to: purpose)
  }

  /// Prepares a build for the caller to run, with a terminal.
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
