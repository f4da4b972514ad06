import Bundle
import HTTPClient
import BundleDownload
import BundleMaking
import Foundation
import TestFixtures
import Testing

@Suite("Bundles on the command line")
struct BundleCommandTests {
  @discardableResult
  private func cultivar(_ arguments: String, in folder: URL, status: Int32 = 0) throws -> Cultivar.Outcome {
    let outcome = try Cultivar.run(arguments.split(separator: " ").map(String.init), in: folder, environment: [:])
    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// Makes two releases of an image: repetitive text, and the same text with some changed lines.
  private func makeReleases(in folder: URL) throws {
    let old = (0..<40_000).map { "line \($0 % 977) of \($0 / 13) lines that a program has\n" }.joined()
    let new = old.replacingOccurrences(of: "line 500 of", with: "another line of")
    try Data(old.utf8).write(to: folder.appending(path: "old.img"))
    try Data(new.utf8).write(to: folder.appending(path: "new.img"))
    for (name, version) in [("old", "1.0"), ("new", "1.1")] {
      try cultivar(
        "bundle make --product p --device d --release \(version) -o \(name).bundle root=\(name).img", in: folder)
    }
  }

  private func expectSame(_ one: String, _ other: String, in folder: URL) throws {
    #expect(try Data(contentsOf: folder.appending(path: one)) == Data(contentsOf: folder.appending(path: other)))
  }

  @Test("A release's bundle and its delta bundle both reproduce the image byte for byte")
  func whole() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      try cultivar("bundle delta old.bundle new.bundle -o small.bundle", in: folder)
      try cultivar("bundle extract new.bundle out", in: folder)
      try expectSame("out/root.img", "new.img", in: folder)
      try cultivar("bundle extract --from old.bundle small.bundle small", in: folder)
      try expectSame("small/root.img", "new.img", in: folder)
      try cultivar("bundle verify --base root=old.img small.bundle", in: folder)
      let sizes = try ["new.bundle", "small.bundle"].map { name in
        try Data(contentsOf: folder.appending(path: name)).count
      }
      #expect(sizes[1] * 4 < sizes[0])
      // The same input gives the same bytes.
      try cultivar("bundle make --product p --device d --release 1.1 -o again.bundle root=new.img", in: folder)
      try expectSame("again.bundle", "new.bundle", in: folder)
      let difference = try cultivar("bundle diff old.bundle new.bundle", in: folder).output
      #expect(difference.contains("version") && difference.contains("root: SHA-256") && !difference.contains("devices"))
    }
  }

  @Test("Signatures are made here or elsewhere, and verified with a root of trust, also one from the bundle")
  func signatures() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      for name in ["a", "b", "c"] { try cultivar("keys generate \(name) --no-passphrase", in: folder) }
      try cultivar("keys root p.root --key a.pub --key b.pub --threshold 2", in: folder)
      try cultivar("bundle verify --trust p.root new.bundle", in: folder, status: 1)
      try cultivar("bundle sign new.bundle --sign a.key", in: folder)
      let missing = try cultivar("bundle verify --trust p.root new.bundle", in: folder, status: 1)
      #expect(missing.errors.contains("2"))
      try cultivar("bundle statement new.bundle --output statement", in: folder)
      try cultivar("keys sign statement --sign b.key", in: folder)
      try cultivar("bundle attach new.bundle statement.signatures", in: folder)
      #expect(try cultivar("bundle verify --trust p.root new.bundle", in: folder).output.contains("signed by"))

      // Only the next root has this key. A device with the first root follows the chain to it.
      try cultivar("keys rotate p.root --add c.pub --threshold 1 --sign a.key --sign b.key --sign c.key", in: folder)
      try cultivar("bundle sign old.bundle --sign c.key", in: folder)
      try cultivar("bundle verify --trust p.root old.bundle", in: folder, status: 1)
      try cultivar("bundle make --product p --device d --release 1 -o third.bundle root=old.img", in: folder)
      try cultivar("bundle sign third.bundle --sign c.key --root p-2.root", in: folder)
      try cultivar("bundle verify --trust p.root third.bundle", in: folder)
    }
  }

  @Test("Bundles are read from web servers like files, here from a server without range requests")
  func web() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      let server = try LoopbackServer(in: folder.appending(path: "server"))
      for name in ["old", "new"] {
        let target = server.site.appending(path: "\(name).bundle")
        try FileManager.default.copyItem(at: folder.appending(path: "\(name).bundle"), to: target)
      }
      try cultivar("bundle delta \(server.url)/old.bundle \(server.url)/new.bundle -o small.bundle", in: folder)
      try cultivar("bundle verify --from \(server.url)/old.bundle small.bundle", in: folder)
      try cultivar("bundle extract \(server.url)/new.bundle out", in: folder)
      try expectSame("out/root.img", "new.img", in: folder)
      #expect(
        try cultivar("bundle show \(server.url)/new.bundle", in: folder).output
          == cultivar("bundle show new.bundle", in: folder).output)
      let missing = try cultivar("bundle show \(server.url)/none", in: folder, status: 1)
      #expect(missing.errors.contains("the server returned status 404 for \(server.url)/none"))
    }
  }

  @Test("Old releases are found in folders and in lists on web servers, the newest possible base first")
  func oldReleases() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      try cultivar("bundle delta old.bundle new.bundle -o small.bundle", in: folder)
      try cultivar("bundle make --product other --device d --release 1.1 -o other.bundle root=new.img", in: folder)
      try cultivar("bundle make --product p --device d --release 1.1~rc1 -o deep/x.bundle root=old.img", in: folder)
      let server = try LoopbackServer(in: folder.appending(path: "server"))
      try FileManager.default.moveItem(
        at: folder.appending(path: "new.bundle"), to: server.site.appending(path: "new.bundle"))
      try Data("\n  new.bundle \n".utf8).write(to: server.site.appending(path: "bundles.txt"))
      var releases = OldReleases()
      try releases.add(.file(folder.appending(path: "deep")))
      try releases.add(.file(folder.appending(path: "old.bundle")))
      try releases.add(.file(folder.appending(path: "other.bundle")))
      try releases.add(.file(folder.appending(path: "small.bundle")))
      try releases.add(.web(WebAddress("\(server.url)/"), DownloadOptions()))
      func versions(_ count: Int, before version: String, from minimum: String? = nil) -> [String] {
        let manifest = BundleManifest(
          product: "p", devices: ["d", "e"], version: version, minimumVersion: minimum, created: 0)
        return releases.latest(count, before: manifest).map(\.manifest.version)
      }
      // 1.0 and 1.1~rc1 have the same image, so one bundle is for both.
      #expect(versions(5, before: "2") == ["1.1", "1.1~rc1"])
      #expect(versions(1, before: "2") == ["1.1"])
      #expect(versions(5, before: "1.1~rc1") == ["1.1~rc1"])
      #expect(versions(5, before: "1.0") == ["1.0"])
      #expect(versions(5, before: "2", from: "1.1") == ["1.1"])
    }
  }

  @Test("A release's key matches the documentation, according to another program")
  func releaseKey() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      try cultivar(
        "bundle make --product p --device d --release 1 -o two.bundle root=old.img initrd=new.img", in: folder)
      let key = try Judge("python3").run(
        [
          "-c",
          """
          import hashlib, subprocess, json, sys
          def tree(path):
              text = subprocess.run(["/sbin/veritysetup", "format", "--salt=-", path, "tree"], capture_output=True, text=True).stdout
              return bytes.fromhex(text.split("Root hash:")[1].split()[0])
          # veritysetup accepts only whole blocks.
          for name in ["old.img", "new.img"]:
              with open(name, "ab") as file: file.write(bytes(-file.tell() % 4096))
          digest = hashlib.sha256(b"initrd\\0" + tree("new.img") + b"root\\0" + tree("old.img"))
          print(digest.hexdigest()[:16])
          """,
        ], in: folder
      ).output.trimmingCharacters(in: .newlines)
      let shown = try cultivar("bundle show two.bundle", in: folder).output
      #expect(key.count == 16 && shown.contains(" \(key)\n"), "\(shown)\(key)")
    }
  }

  @Test("An image whose name leads out of the folder is refused when a bundle is made and when it is read")
  func names() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      let made = try cultivar(
        "bundle make --product p --device d --release 1 -o bad.bundle ../../X=new.img", in: folder,
        status: 64)
      #expect(made.errors.contains("is not an image name"), "\(made.errors)")

      // The same length, so that only the name differs.
      var bytes = [UInt8](try Data(contentsOf: folder.appending(path: "new.bundle")))
      let name = Array("root".utf8)
      let place = try #require((0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == name })
      bytes.replaceSubrange(place..<place + 4, with: Array("../X".utf8))
      try Data(bytes).write(to: folder.appending(path: "bad.bundle"))
      let read = try cultivar("bundle extract bad.bundle out", in: folder, status: 1)
      #expect(read.errors.contains("letters a to z, digits and hyphens"), "\(read.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "X.img").path))
    }
  }

  @Test("An impossible request is refused with its remedy, and writes nothing")
  func refusals() throws {
    try withTemporaryFolder { folder in
      try makeReleases(in: folder)
      try cultivar("bundle delta old.bundle new.bundle -o small.bundle", in: folder)
      let before = try Set(FileManager.default.contentsOfDirectory(atPath: folder.path))
      let noBase = try cultivar("bundle extract small.bundle out", in: folder, status: 1)
      #expect(noBase.errors.contains("--base root=FILE"))
      let otherBase = try cultivar("bundle verify --base root=new.img small.bundle", in: folder, status: 1)
      #expect(otherBase.errors.contains("is not the one that the bundle was made from"))
      #expect(try cultivar("bundle show old.img", in: folder, status: 1).errors.contains("this is not a bundle"))
      #expect(
        try cultivar("bundle delta small.bundle new.bundle -o x", in: folder, status: 1).errors.contains(
          "is not complete in it"))
      let after = try Set(FileManager.default.contentsOfDirectory(atPath: folder.path))
      #expect(after.subtracting(before).subtracting(["out", ".output", ".errors"]).isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "out").path).isEmpty)
    }
  }
}
