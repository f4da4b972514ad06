import Foundation
import HostSystem
import TestFixtures
import Testing

/// Programs that their languages' tools fetch, from registries of the test's own: what a closed network has.
@Suite("Programs from registries", .enabled(if: Workshop.isReady, Workshop.condition))
struct RegistryTests {
  /// A name that no earlier run has left a program of in the cache.
  private let name = "greet-\(UUID().uuidString.prefix(8).lowercased())"

  /// Writes a crate of that name at version 1.0.0 into a folder, as a file and as a line of an index.
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
    let hash = try ContentHash(ofFile: file.path).text
    return #"{"name":"\#(name)","vers":"1.0.0","deps":[],"cksum":"\#(hash)","features":{},"yanked":false}"# + "\n"
  }

  /// A local registry, and the folder of a Cargo that takes it in place of crates.io.
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

  /// A registry whose index is a git repository, by its URL.
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
    "A crate comes from the registry that Cargo's configuration or the environment names, and anew from another one",
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
}
