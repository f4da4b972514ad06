import Foundation
import HostSystem

/// An executable product of a Swift package, linked statically.
struct SwiftBuild: LanguageBuild {
  var program: String
  var folder: URL
  var product: String
  var architecture: Architecture
  var versions: ToolVersions

  func definition() async throws -> [String] {
    guard let version = try await versions.output("swift", ["--version"]) else {
      throw ProgramFailure.noToolchain(
        program: program, tool: "swift", package: "install the Swift toolchain (https://www.swift.org/install)")
    }
    return ["swift", version, folder.path, product, architecture.rawValue] + (try await flags())
  }

  /// The Static Linux SDK where it is installed; else the toolchain's own static libraries, for the same architecture.
  private func flags() async throws -> [String] {
    let common = ["-c", "release", "-Xlinker", "-s", "-Xlinker", "--build-id=none"]
    let wanted = "\(architecture.machine)-swift-linux-musl"
    let installed = try await versions.output("swift", ["sdk", "list"]) ?? ""
    let toolchain = try await versions.output("swift", ["--version"]) ?? ""
    if let sdk = Self.staticSDK(among: installed, toolchain: toolchain) {
      return common + ["--swift-sdk", sdk, "--triple", wanted]
    }
    guard architecture == .host else {
      throw ProgramFailure.noTarget(
        program: program, architecture: architecture, tool: "swift",
        remedy: "install the Static Linux SDK that belongs to the toolchain: `swift sdk install URL`")
    }
    return common + ["--static-swift-stdlib", "-Xswiftc", "-static-executable"]
  }

  /// The Static Linux SDK that belongs to a toolchain; one of another version cannot be compiled against.
  ///
  /// - Parameters:
  ///   - list: What `swift sdk list` prints: `swift-6.3-RELEASE_static-linux-0.0.1`, one a line.
  ///   - version: What `swift --version` prints; a release has its tag in it, `(swift-6.3-RELEASE)`.
  static func staticSDK(among list: String, toolchain version: String) -> String? {
    let sdks = list.split(separator: "\n").filter { $0.contains("static-linux") }.map(String.init)
    let tag = version.split(whereSeparator: { "() \n".contains($0) }).first { $0.hasPrefix("swift-") }
    guard let tag else { return sdks.first }
    return sdks.first { $0.hasPrefix("\(tag)_") }
  }

  private func package(_ arguments: [String], scratch: URL) -> [String] {
    arguments + ["--package-path", folder.path, "--scratch-path", scratch.path]
  }

  func build(scratch: URL) async throws -> URL {
    // Paths of the build host must not reach the executable: the same source gives the same bytes in another folder.
    let prefixes = ["\(scratch.path)=/build", "\(folder.path)=/source"].flatMap { prefix in
      ["-Xswiftc", "-file-prefix-map", "-Xswiftc", prefix, "-Xcc", "-ffile-prefix-map=\(prefix)"]
    }
    // For its own later runs the compiler leaves a hash in each module, of the sources' paths among other things.
    let hashes = ["-Xswiftc", "-Xfrontend", "-Xswiftc", "-disable-incremental-llvm-codegen"]
    let arguments = package(
      ["build", "--product", product] + (try await flags()) + prefixes + hashes, scratch: scratch)
    do {
      try await HostCommand("swift", arguments, to: "build the program `\(program)`").run()
    } catch let failure as CommandFailure {
      guard case .failed(_, let said) = failure.outcome, said.contains("no product named") else { throw failure }
      throw ProgramFailure.noProduct(program: program, product: product, available: try await products(scratch))
    }
    let place = try await HostCommand(
      "swift", package(["build", "--show-bin-path"] + (try await flags()), scratch: scratch),
      to: "find the program `\(program)`"
    ).run()
    let executable = URL(fileURLWithPath: place.trimmingCharacters(in: .whitespacesAndNewlines))
      .appending(path: product)
    guard FileManager.default.fileExists(atPath: executable.path) else {
      throw ProgramFailure.noProduct(program: program, product: product, available: try await products(scratch))
    }
    return executable
  }

  private struct Description: Decodable {
    struct Product: Decodable {
      var name: String
    }
    var products: [Product]
  }

  private func products(_ scratch: URL) async throws -> [String] {
    let text = try await HostCommand(
      "swift",
      ["package", "--package-path", folder.path, "--scratch-path", scratch.path, "describe", "--type", "json"],
      to: "list the products of \(folder.path)"
    ).run()
    return try JSONDecoder().decode(Description.self, from: Data(text.utf8)).products.map(\.name)
  }

  private struct Dependency: Decodable {
    var path: String
    var dependencies: [Dependency]

    var all: [String] { [path] + dependencies.flatMap(\.all) }
  }

  func inputs(scratch: URL) async throws -> [String] {
    let text = try await HostCommand(
      "swift",
      [
        "package", "--package-path", folder.path, "--scratch-path", scratch.path, "show-dependencies", "--format",
        "json",
      ], to: "list the dependencies of \(folder.path)"
    ).run()
    let start = text.firstIndex(of: "{") ?? text.startIndex
    let root = try JSONDecoder().decode(Dependency.self, from: Data(text[start...].utf8))
    // Checkouts in the scratch folder are pinned by Package.resolved, which is in the package's own folder.
    return Set(root.all).filter { !$0.hasPrefix(scratch.path) }.sorted()
  }
}
