import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Systems depend only on their inputs", .enabled(if: Workshop.isReady, Workshop.condition))
struct SystemTests {
  @Test(
    "Root and another user, with separate folders and caches, make the same bytes; the secret does not leak",
    .enabled(if: OtherUser.isPossible, "\(OtherUser.condition)"))
  func identical() async throws {
    try await withTemporaryFolder { folder in
      try await SmallSystem.write(to: folder)
      let cache = folder.appending(path: "cache")
      try await SmallSystem.addArchives(to: cache)
      let environment = SmallSystem.environment.merging(["CULTIVAR_CACHE": cache.path]) { $1 }
      let verdict = try Workshop.run(["build"], in: folder, environment: environment)
      try #require(verdict.status == 0, "\(verdict.errors)")
      try SmallSystem.expectSameAsEver(folder)
      let plan = try Workshop.run(["plan", "--json"], in: folder, environment: environment)
      try expectSecretKept(folder, cache: cache, said: verdict.output + verdict.errors + plan.output)
      try expectSecretHiddenInFailure(folder, environment: environment)
    }
    try await buildAsAnotherUser()
  }

  private func buildAsAnotherUser() async throws {
    try await withTemporaryFolder { folder in
      #expect(chmod(folder.path, 0o755) == 0)
      let home = folder.appending(path: "home")
      let project = home.appending(path: "deeper/in")
      try await SmallSystem.write(to: project, backwards: true)
      let cache = home.appending(path: ".cache/cultivar")
      try await SmallSystem.addArchives(to: cache)
      let environment = SmallSystem.environment.merging(["CULTIVAR_CACHE": cache.path]) { $1 }
      let user = try OtherUser(home: home, files: folder)
      let verdict = try user.run(
        Workshop.tool, ["build", "--quiet"], in: project,
        environment: environment)
      try #require(verdict.status == 0, "\(verdict.errors)")
      try SmallSystem.expectSameAsEver(project)
      #expect(try FolderTree.names(in: cache.appending(path: "scratch").path) == [])
      // Files of subordinate IDs are removed as well.
      let clearing = try user.run(Workshop.tool, ["cache", "clear", "--yes"], in: project, environment: environment)
      #expect(clearing.status == 0, "\(clearing.errors)")
      #expect(try Judge("find").run([cache.appending(path: "store").path, "-mindepth", "2"]).output == "")
    }
  }

  // MARK: The secret

  private func expectSecretKept(_ folder: URL, cache: URL, said: String) throws {
    #expect(!said.contains(SmallSystem.secret))
    // Checks the search itself: the disk and the root's archive contain the secret.
    let artefacts = folder.appending(path: "build/box")
    let found = try filesWithSecret(artefacts)
    #expect(found == ["box.img", "root.oci.tar"])
    // A step wrote it into the root.
    let kept = try filesWithSecret(cache)
    #expect(kept == [])
    #expect(try filesWithSecret(folder.appending(path: "layers")) == [])
    let image = try BuiltImage(artefacts)
    let root = try image.unpackedRoot(folder, slot: "root")
    let inside = try filesWithSecret(root)
    #expect(inside == ["etc/gateway.conf", "etc/greeting"])
  }

  /// Returns the paths of files that contain the secret, plain or compressed.
  private func filesWithSecret(_ folder: URL) throws -> [String] {
    let script = """
      import gzip, io, lzma, os, subprocess, sys, tarfile
      folder, secret = sys.argv[1], sys.argv[2].encode()
      def layers(data):
          yield data
          try:
              if data[:2] == b"\\x1f\\x8b": yield from layers(gzip.decompress(data))
              elif data[:6] == b"\\xfd7zXZ\\0": yield from layers(lzma.decompress(data))
              elif data[:4] == b"\\x28\\xb5\\x2f\\xfd":
                  yield from layers(subprocess.run(["zstd", "-dcq"], input=data, capture_output=True).stdout)
              elif data[257:262] == b"ustar":
                  for member in tarfile.open(fileobj=io.BytesIO(data)):
                      if member.isfile(): yield from layers(tarfile.open(fileobj=io.BytesIO(data)).extractfile(member).read())
          except (OSError, EOFError, lzma.LZMAError): pass
      for place, _, names in os.walk(folder):
          for name in names:
              path = os.path.join(place, name)
              if os.path.islink(path) or not os.path.isfile(path): continue
              # Debian's own archives are named by their hash.
              if path.endswith(".deb"): continue
              with open(path, "rb") as file: data = file.read()
              if any(secret in layer for layer in layers(data)): print(os.path.relpath(path, folder))
      """
    let verdict = try Judge("python3").run(["-c", script, folder.path, SmallSystem.secret])
    try #require(verdict.status == 0, "\(verdict.errors)")
    return verdict.output.split(separator: "\n").map(String.init).sorted()
  }

  private func expectSecretHiddenInFailure(_ folder: URL, environment: [String: String?]) throws {
    let layer = try folder.text("layers/gateway/layer.yaml")
    let failing = "{ run: \"cat /run/secrets/password; cat /run/secrets/password >&2; exit 3\", secrets: [password] }"
    try folder.writing(
      layer.split(separator: "\n").map { $0.hasPrefix("  greet:") ? "  greet: \(failing)" : String($0) }
        .joined(separator: "\n"), to: "layers/gateway/layer.yaml")
    let verdict = try Workshop.run(["build"], in: folder, environment: environment)
    #expect(verdict.status == 1)
    #expect(verdict.errors.contains("the step greet of the layer gateway"), "\(verdict.errors)")
    #expect(verdict.errors.contains("********"), "\(verdict.errors)")
    #expect(!(verdict.output + verdict.errors).contains(SmallSystem.secret))
  }
}
