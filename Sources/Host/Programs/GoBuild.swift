import FoundationEssentials
import HostSystem

/// A main package of a Go module. It is built without C code, so that it is linked statically.
struct GoBuild: LanguageBuild {
  var program: String
  var source: Source
  var architecture: Architecture
  var versions: ToolVersions

  /// The location of the package.
  enum Source: Sendable {
    /// A module's folder, and the package relative to it (`.`, `./cmd/tool`).
    case folder(URL, package: String)
    /// A package of the module proxy in one version.
    case module(package: String, version: String)
  }

  func definition() async throws -> [String] {
    guard let version = try await versions.output(.go, ["version"]) else {
      throw ProgramFailure.noToolchain(
        program: program, tool: "go", package: "install the Debian package `golang-go`")
    }
    let place =
      switch source {
      case .folder(let folder, let package): "\(folder.path) \(package)"
      case .module(let package, let version): "\(package)@\(version)"
      }
    return ["go", version, place, architecture.rawValue]
  }

  private var environment: [String: String?] {
    ["CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": architecture.rawValue, "GOTOOLCHAIN": "local", "GOBIN": nil]
  }

  private let flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]

  func build(scratch: URL) async throws -> URL {
    let purpose = "build the program `\(program)`"
    switch source {
    case .folder(let folder, let package):
      let product = scratch.appending(path: "product")
      try await HostCommand(
        .go, ["build"] + flags + ["-o", product.path, "--", package], to: purpose, environment: environment,
        in: folder.path
      ).run()
      return product
    case .module(let package, let version):
      var variables = environment
      variables["GOPATH"] = scratch.path
      variables["GOFLAGS"] = "-modcacherw"
      // Without GOBIN in the environment, Go uses the one from `go env -w` and installs the program among the user's
      // own. For another architecture, Go does not allow GOBIN.
      if architecture == .host { variables["GOBIN"] = scratch.appending(path: "bin").path }
      try await HostCommand(
        .go, ["install"] + flags + ["--", "\(package)@\(version)"], to: purpose, environment: variables
      ).run()
      let name = package.split(separator: "/").last.map(String.init) ?? package
      let places = ["bin/\(name)", "bin/linux_\(architecture.rawValue)/\(name)"].map { scratch.appending(path: $0) }
      guard let product = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
        throw ProgramFailure.noProduct(program: program, product: name, available: [])
      }
      return product
    }
  }

  func inputs(scratch: URL) async throws -> [String] {
    guard case .folder(let folder, let package) = source else { return [] }
    // Modules without a version are in the file system. go.sum pins the others.
    let format = "{{with .Module}}{{if not .Version}}{{.Dir}}{{else}}{{with .Replace}}{{if not .Version}}{{.Dir}}"
    let text = try await HostCommand(
      .go, ["list", "-deps", "-f", format + "{{end}}{{end}}{{end}}{{end}}", "--", package],
      to: "list the dependencies of \(folder.path)", environment: environment, in: folder.path
    ).run()
    return Set(text.split(separator: "\n").map(String.init) + [folder.path]).filter { !$0.isEmpty }.sorted()
  }
}
