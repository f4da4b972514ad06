import FoundationEssentials
import HostSystem
import LinuxSystem
import SwiftSDK

/// An executable product of a Swift package, linked statically.
struct SwiftBuild: LanguageBuild {
  var program: String
  var folder: URL
  var product: String
  var architecture: Architecture
  var versions: ToolVersions
  var sdks: DebianSDKs

  func definition() async throws -> [String] {
    guard let version = try await versions.output(.swift, ["--version"]) else {
      throw ProgramFailure.noToolchain(
        program: program, tool: "swift", package: "install the Swift toolchain (https://www.swift.org/install)")
    }
    let sdk = try await sdk()
    // The SDK's content affects the result as well.
    let identity: [String] = if case .debian(let debian) = sdk { ["sdk", debian.identity.text] } else { [] }
    return ["swift", version, folder.path, product, architecture.rawValue] + flags(sdk) + identity
  }

  /// Returns the SDK to build with; `nil` for the toolchain itself with its static libraries.
  private func sdk() async throws -> SwiftSDK? {
    let list = try await versions.output(.swift, ["sdk", "list"]) ?? ""
    let toolchain = try await versions.output(.swift, ["--version"]) ?? ""
    let debian = architecture == .host ? nil : try sdks.newest(for: architecture)
    let sdk = SwiftSDK.choose(among: list, toolchain: toolchain, debian: debian)
    guard sdk != nil || architecture == .host else {
      throw ProgramFailure.noTarget(
        program: program, architecture: architecture, tool: "swift", remedy: SDKFailure.installation(for: architecture))
    }
    return sdk
  }

  private func flags(_ sdk: SwiftSDK?) -> [String] {
    let common = ["-c", "release", "-Xlinker", "-s", "-Xlinker", "--build-id=none"]
    switch sdk {
    case .official(let name): return common + SwiftSDK.options(official: name, for: architecture)
    case .debian: return common
    case nil: return common + ["--static-swift-stdlib", "-Xswiftc", "-static-executable"]
    }
  }

  private func package(_ arguments: [String], scratch: URL) -> [String] {
    arguments + ["--package-path", folder.path, "--scratch-path", scratch.path]
  }

  func build(scratch: URL) async throws -> URL {
    // The executable must not contain paths of the build host, so that the same source gives the same bytes in any
    // folder.
    let prefixes = ["\(scratch.path)=/build", "\(folder.path)=/source"].flatMap { prefix in
      ["-Xswiftc", "-file-prefix-map", "-Xswiftc", prefix, "-Xcc", "-ffile-prefix-map=\(prefix)"]
    }
    // The compiler would store a hash in each module for its own later runs. It depends on the sources' paths.
    let hashes = ["-Xswiftc", "-Xfrontend", "-Xswiftc", "-disable-incremental-llvm-codegen"]
    let sdk = try await sdk()
    let options = ["--product", product] + flags(sdk) + prefixes + hashes
    let place: URL
    do {
      if case .debian(let debian) = sdk {
        place = try await build(with: debian, options, scratch: scratch)
      } else {
        place = try await build(options, flags: flags(sdk), scratch: scratch)
      }
    } catch let failure as CommandFailure {
      guard case .failed(_, let said) = failure.outcome, said.contains("no product named") else { throw failure }
      throw ProgramFailure.noProduct(program: program, product: product, available: try await products(scratch))
    }
    let executable = place.appending(path: product)
    guard FileManager.default.fileExists(atPath: executable.path) else {
      throw ProgramFailure.noProduct(program: program, product: product, available: try await products(scratch))
    }
    return executable
  }

  /// Builds with the toolchain, and returns the folder of the executable.
  private func build(_ options: [String], flags: [String], scratch: URL) async throws -> URL {
    try await HostCommand(.swift, package(["build"] + options, scratch: scratch), to: purpose).run()
    let place = try await HostCommand(
      .swift, package(["build", "--show-bin-path"] + flags, scratch: scratch), to: "find the program `\(program)`"
    ).run()
    return URL(fileURLWithPath: place.trimmed)
  }

  /// Builds with the compiler of a Debian SDK, and returns the folder of the executable.
  private func build(with sdk: DebianSDK, _ options: [String], scratch: URL) async throws -> URL {
    let build = try await SandboxedBuild(sdk: sdk, in: sdks, package: SwiftPackage(folder), scratch: scratch)
    try await sdks.withSandbox { _ = try await build.run(options, in: $0, to: purpose) }
    return build.products("release")
  }

  private var purpose: String { "build the program `\(program)`" }

  private struct Description: Decodable {
    struct Product: Decodable {
      var name: String
    }
    var products: [Product]
  }

  private func products(_ scratch: URL) async throws -> [String] {
    let text = try await HostCommand(
      .swift,
      ["package", "--package-path", folder.path, "--scratch-path", scratch.path, "describe", "--type", "json"],
      to: "list the products of \(folder.path)"
    ).run()
    return try JSONDecoder().decode(Description.self, from: Data(text.utf8)).products.map(\.name)
  }

  func inputs(scratch: URL) async throws -> [String] {
    try await SwiftPackage(folder).sourceFolders(scratch: scratch)
  }
}
