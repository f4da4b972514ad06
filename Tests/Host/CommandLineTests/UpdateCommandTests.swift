import Foundation
import Testing

@Suite("Tokens and updates on the command line")
struct UpdateCommandTests {
  @Test("A token is written to a file and its hash is printed; a second token does not overwrite the file")
  func tokens() throws {
    try withTemporaryFolder { folder in
      let first = try Cultivar.run(["token", "new", "a.token"], in: folder)
      let token = try String(contentsOf: folder.appending(path: "a.token"), encoding: .utf8)
      #expect(first.status == 0 && first.output.count == 65 && !first.output.contains(token))
      let second = try Cultivar.run(["token", "new", "a.token"], in: folder)
      #expect(second.status == 1 && second.errors.contains("cannot create a.token"))
      let after = try String(contentsOf: folder.appending(path: "a.token"), encoding: .utf8)
      #expect(after == token)
    }
  }

  @Test("An update without a token, without a host, or with an invalid option fails with a reason")
  func refusals() throws {
    try withTemporaryFolder { folder in
      let environment = ["XDG_CONFIG_HOME": folder.path]
      let fingerprint = String(repeating: "ab", count: 32)
      func update(_ arguments: String) throws -> Cultivar.Outcome {
        try Cultivar.run(
          ["update"] + arguments.split(separator: " ").map(String.init), in: folder, environment: environment)
      }
      let noToken = try update("127.0.0.1:1 --fingerprint \(fingerprint)")
      #expect(noToken.status == 1 && noToken.errors.contains("--token-file"))
      _ = try Cultivar.run(["token", "new", "a.token"], in: folder)
      let nobody = try update("127.0.0.1:1 x.bundle --fingerprint \(fingerprint) --token-file a.token")
      #expect(
        nobody.status == 1 && nobody.errors.contains("cannot reach the device at 127.0.0.1:1: Connection refused"))
      // A fingerprint that was not verified is not saved.
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "cultivar").path))
      let wrong = try update("127.0.0.1:1 --fingerprint abc")
      #expect(wrong.status != 0 && wrong.errors.contains("64 hexadecimal digits"))
    }
  }
}
