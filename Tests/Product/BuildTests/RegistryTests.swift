import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

/// Tests of programs that the languages' tools fetch from local registries, like in a closed network.
@Suite("Programs from registries", .enabled(if: Workshop.isReady, Workshop.condition))
struct RegistryTests {
  /// A unique name, so that the cache has no program of it from earlier runs.
  private let name = "greet-\(UUID().uuidString.prefix(8).lowercased())"

  /// Writes a crate of that name at version 1.0.0 into a folder. Returns its line of an index.
  private func publishCrate(saying word: String, in folder: URL) throws -> String {
    let source = folder.appending(path: "source")
    try source.writing(
      "[package]\nname = \"\(name)\"\nversion = \"1.0.0\"\nedition = \"2021\"\n", to: "Cargo.toml")
    try source.writing("fn main() { println!(\"\(word)\") }\n", to: "src/main.rs")
    let made = folder.appending(path: "made").path
    let verdict = try Judge("cargo").run(
      ["package", "--offline", "--no-verify", "--target-dir", made], in: source,
      environment: ["CARGO_HOME": "\(made)/home"])
    try #require(verdict.status == 0, "\(verdict.errors)")
    let file = folder.appending(path: "\(name)-1.0.0.crate")
    try FileManager.default.moveItem(atPath: "\(made)/package/\(name)-1.0.0.crate", toPath: file.path)
    let hash = try Digest(ofFile: file.path).text
    return #"{"name":"\#(name)","vers":"1.0.0","deps":[],"cksum":"\#(hash)","features":{},"yanked":false}"# + "\n"
  }

  /// Makes a local registry, and the folder of a Cargo that uses it in place of crates.io.
  private func cargoHomeWithMirror(saying word: String, in folder: URL) throws -> URL {
    let mirror = folder.appending(path: "mirror")
    let line = try publishCrate(saying: word, in: mirror)
    try mirror.writing(line, to: "index/gr/ee/\(name)")
    let home = folder.appending(path: "home")
    try home.writing(
      """
      [source.crates-io]
      replace-with = "mirror"
      [source.mirror]
      local-registry = "\(mirror.path)"
      """, to: "config.toml")
    return home
  }

  /// Makes a registry whose index is a git repository, and returns its URL.
  private func registry(saying word: String, in folder: URL) throws -> String {
    let line = try publishCrate(saying: word, in: folder)
    let index = folder.appending(path: "index")
    try index.writing(line, to: "gr/ee/\(name)")
    try index.writing(#"{"dl":"file://\#(folder.path)/{crate}-{version}.crate"}"#, to: "config.json")
    try commit(index)
    return "file://\(index.path)"
  }

  private func commit(_ folder: URL) throws {
    let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for arguments in [["init", "-q"], ["add", "."], identity + ["commit", "-q", "-m", "one"]] {
      let verdict = try Judge("git").run(arguments, in: folder)
      try #require(verdict.status == 0, "\(verdict.errors)")
    }
  }

  @Test(
    "A crate comes from the registry in Cargo's configuration or environment; another registry causes a new build",
    .enabled(if: Judge.isInstalled("cargo"), "there is no Cargo here"))
  func crate() async throws {
    try await withTemporaryFolder { place in
      let home = try cargoHomeWithMirror(saying: "mirror", in: place)
      let company = try registry(saying: "company", in: place.appending(path: "company"))
      try await Workshop.withProject(programs: ["cargo: { crate: \(name), version: 1.0.0 }"]) { folder in
        var environment = ["CARGO_HOME": home.path]
        let first = try Workshop.output(of: name, in: folder, environment: environment)
        #expect(first == "mirror\n")
        environment["CARGO_REGISTRIES_COMPANY_INDEX"] = company
        environment["CARGO_REGISTRY_DEFAULT"] = "company"
        let second = try Workshop.output(of: name, in: folder, environment: environment)
        #expect(second == "company\n")
      }
    }
  }

  /// Writes a module in the layout of the Go proxy (`GOPROXY` protocol, go.dev/ref/mod).
  private func publishModule(_ path: String, requires: String = "", _ source: String, in proxy: URL) throws {
    let folder = proxy.appending(path: "\(path)/source")
    let manifest = "module \(path)\n\ngo 1.19\n\(requires)"
    try folder.writing(manifest, to: "go.mod")
    try folder.writing(source, to: "source.go")
    try commit(folder)
    let versions = proxy.appending(path: "\(path)/@v")
    try versions.writing("v1.2.3\n", to: "list")
    try versions.writing(#"{"Version":"v1.2.3"}"#, to: "v1.2.3.info")
    try versions.writing(manifest, to: "v1.2.3.mod")
    let archive = ["archive", "--format=zip", "--prefix=\(path)@v1.2.3/"]
    let verdict = try Judge("git").run(archive + ["--output=\(versions.path)/v1.2.3.zip", "HEAD"], in: folder)
    try #require(verdict.status == 0, "\(verdict.errors)")
  }

  @Test(
    "A Go module and its dependency come from the proxy in the environment",
    .enabled(if: Judge.isInstalled("go"), "there is no Go here"))
  func goModule() async throws {
    try await withTemporaryFolder { proxy in
      let words = "example.org/words/\(name)"
      try publishModule(words, "package words\n\nfunc Word() string { return \"proxy\" }\n", in: proxy)
      try publishModule(
        "example.org/\(name)", requires: "\nrequire \(words) v1.2.3\n",
        "package main\n\nimport (\n\t\"fmt\"\n\twords \"\(words)\"\n)\n\nfunc main() { fmt.Println(words.Word()) }\n",
        in: proxy)
      try await Workshop.withProject(programs: ["go: { install: example.org/\(name), version: v1.2.3 }"]) { folder in
        // Like a setting by `go env -w`: the folder of the user's own tools, which a build must not use.
        let elsewhere = folder.appending(path: "elsewhere")
        let settings = try folder.writing("GOBIN=\(elsewhere.path)\n", to: "go-settings")
        // The module is not public, so there is no public checksum.
        let environment = [
          "GOPROXY": "file://\(proxy.path)", "GONOSUMDB": "example.org", "GOENV": settings.path,
        ]
        let output = try Workshop.output(of: name, in: folder, environment: environment)
        #expect(output == "proxy\n")
        #expect(!FileManager.default.fileExists(atPath: elsewhere.path))
      }
    }
  }
}
