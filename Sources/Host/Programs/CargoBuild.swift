import FoundationEssentials
import Hashing
import HostSystem
import LinuxSystem

/// An executable of a Cargo package, linked statically.
struct CargoBuild: LanguageBuild {
  var program: String
  var source: Source
  /// Name of the executable; `nil` for the package's own name.
  var binary: String?
  var architecture: Architecture
  var versions: ToolVersions

  /// The location of the package.
  enum Source: Sendable {
    case folder(URL)
    /// A package of the registry in one version.
    case registry(name: String, version: String)
  }

  func definition() async throws -> [String] {
    guard let cargo = try await versions.output(.cargo, ["--version"]),
      let rustc = try await versions.output(.rustc, ["-vV"])
    else {
      throw ProgramFailure.noToolchain(
        program: program, tool: "cargo", package: "install the Debian package `cargo`, or Rust with rustup")
    }
    let place =
      switch source {
      case .folder(let folder): folder.path
      case .registry(let name, let version): "registry \(name) \(version)"
      }
    return ["cargo", cargo, rustc, place, binary ?? "", try await target()] + (try Self.configuration())
  }

  /// Returns the user's settings for Cargo that affect the result: profiles and registries. The same name and version
  /// can be different crates in different registries.
  ///
  /// Access tokens in the environment (`CARGO_REGISTRIES_…_TOKEN`) do not affect the result and are not stored.
  private static func configuration() throws -> [String] {
    let files = try ["config", "config.toml"].map { "\(home)/\($0)" }.map { file in
      FileManager.default.fileExists(atPath: file) ? try Digest(ofFile: file).text : "none"
    }
    let variables = ProcessInfo.processInfo.environment.filter { name, _ in
      name == "CARGO_REGISTRY_DEFAULT" || name.hasPrefix("CARGO_REGISTRIES_") && name.hasSuffix("_INDEX")
    }
    return files + variables.map { "\($0.key)=\($0.value)" }.sorted()
  }

  /// Returns the musl target if its standard library is installed. Otherwise returns the GNU target, which is linked
  /// with the static C library.
  private func target() async throws -> String {
    let sysroot = try await versions.output(.rustc, ["--print", "sysroot"]) ?? ""
    let libraries = sysroot.trimmed + "/lib/rustlib"
    for target in ["\(architecture.machine)-unknown-linux-musl", "\(architecture.machine)-unknown-linux-gnu"]
    where FileManager.default.fileExists(atPath: "\(libraries)/\(target)/lib") {
      return target
    }
    throw ProgramFailure.noTarget(
      program: program, architecture: architecture, tool: "rustc",
      remedy: "install its standard library: `rustup target add \(architecture.machine)-unknown-linux-musl`")
  }

  /// Path of Cargo's home folder, which holds the sources of dependencies.
  private static var home: String {
    let named = ProcessInfo.processInfo.environment["CARGO_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    return named ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cargo").path
  }

  private func environment(_ scratch: URL) -> [String: String?] {
    var flags = ["-C", "target-feature=+crt-static", "-C", "strip=symbols", "-C", "link-arg=-Wl,--build-id=none"]
    if case .folder(let folder) = source { flags += ["--remap-path-prefix", "\(folder.path)=/source"] }
    flags += ["--remap-path-prefix", "\(scratch.path)=/build", "--remap-path-prefix", "\(Self.home)=/cargo"]
    return ["CARGO_ENCODED_RUSTFLAGS": flags.joined(separator: "\u{1f}"), "CARGO_TARGET_DIR": scratch.path]
  }

  func build(scratch: URL) async throws -> URL {
    let target = try await target()
    switch source {
    case .folder(let folder):
      var arguments = ["build", "--release", "--target", target]
      if let binary { arguments += ["--bin", binary] }
      let purpose = "build the program `\(program)`"
      try await HostCommand(
        .cargo, arguments, to: purpose, environment: environment(scratch), in: folder.path
      ).run()
      return try await executable(in: scratch.appending(path: "\(target)/release"))
    case .registry(let name, let version):
      var arguments = ["install", "--target", target, "--root", scratch.path, "--force", "--locked"]
      arguments += ["--version", version]
      if let binary { arguments += ["--bin", binary] }
      arguments += ["--", name]
      try await HostCommand(
        .cargo, arguments, to: "build the program `\(program)`", environment: environment(scratch)
      ).run()
      return try await executable(in: scratch.appending(path: "bin"))
    }
  }

  private func executable(in folder: URL) async throws -> URL {
    let name = try await product()
    let place = folder.appending(path: name)
    guard FileManager.default.fileExists(atPath: place.path) else {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      let programs = names.filter {
        !$0.contains(".") && FileManager.default.isExecutableFile(atPath: folder.appending(path: $0).path)
      }
      throw ProgramFailure.noProduct(program: program, product: name, available: programs.sorted())
    }
    return place
  }

  private struct Metadata: Decodable {
    struct Package: Decodable {
      var name: String
      var manifestPath: String
      var source: String?

      enum CodingKeys: String, CodingKey {
        case name, source
        case manifestPath = "manifest_path"
      }

      var folder: String { URL(fileURLWithPath: manifestPath).deletingLastPathComponent().path }
    }
    var packages: [Package]
  }

  private func metadata(of folder: URL) async throws -> Metadata {
    let text = try await HostCommand(
      .cargo, ["metadata", "--format-version", "1"], to: "read the Cargo package in \(folder.path)", in: folder.path
    ).run()
    return try JSONDecoder().decode(Metadata.self, from: Data(text.utf8))
  }

  private func product() async throws -> String {
    if let binary { return binary }
    switch source {
    case .registry(let name, _): return name
    case .folder(let folder):
      let own = try await metadata(of: folder).packages.first {
        $0.folder == folder.standardizedFileURL.resolvingSymlinksInPath().path
      }
      return own?.name ?? program
    }
  }

  func inputs(scratch: URL) async throws -> [String] {
    guard case .folder(let folder) = source else { return [] }
    // Packages without a source are in the file system. Cargo.lock pins the others.
    let local = try await metadata(of: folder).packages.filter { $0.source == nil }.map(\.folder)
    return Set(local + [folder.path]).sorted()
  }
}
