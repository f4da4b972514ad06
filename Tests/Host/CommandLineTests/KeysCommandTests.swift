import Foundation
import TestFixtures
import Testing

@Suite("Keys on the command line")
struct KeysCommandTests {
  private struct Description: Decodable {
    struct Key: Decodable {
      var id: String
      var hasSigned: Bool?
    }
    struct Root: Decodable {
      var version: Int
      var expires: String?
      var threshold: Int
      var rotationThreshold: Int
      var keys: [Key]
      var otherSigners: [String]
    }
    var kind: String
    var key: Key?
    var root: Root?
  }

  @discardableResult
  private func keys(_ arguments: String, in folder: URL, status: Int32 = 0) throws -> Cultivar.Outcome {
    let outcome = try Cultivar.run(
      ["keys"] + arguments.split(separator: " ").map(String.init), in: folder, environment: ["PASS": "correct horse"])
    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    return outcome
  }

  private func show(_ file: String, in folder: URL) throws -> Description {
    let output = try keys("show --json --passphrase-env PASS \(file)", in: folder).output
    return try #require(JSONDecoder().decode([Description].self, from: Data(output.utf8)).first)
  }

  private func names(in folder: URL) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)).subtracting([".output", ".errors"])
  }

  @Test("Keys and their root are made and rotated, and a device follows")
  func ceremony() throws {
    try withTemporaryFolder { folder in
      try keys("generate a --passphrase-env PASS", in: folder)
      try keys("generate b --algorithm ecdsa-p256 --no-passphrase", in: folder)
      try keys("generate c --no-passphrase", in: folder)
      try keys("root p.root --key a.pub --key b.pub --rotation-threshold 2 --expires 2101-02-03", in: folder)
      let first = try #require(try show("p.root", in: folder).root)
      #expect(first.version == 1 && first.threshold == 1 && first.rotationThreshold == 2)
      #expect(first.expires == "2101-02-03 00:00:00 UTC")

      let rotated = try keys(
        "rotate p.root --remove b.pub --add c.pub --sign a.key --sign b.key --passphrase-env PASS", in: folder)
      #expect(
        rotated.output.hasPrefix(
          "p-2.root  version 2\n  devices do not accept it yet: version 2 of the root requires signatures by 2"))
      try keys("verify p.root p-2.root", in: folder, status: 1)
      try keys("sign p-2.root --sign c.key", in: folder)
      let second = try #require(try show("p-2.root", in: folder).root)
      #expect(second.keys.allSatisfy { $0.hasSigned == true } && second.otherSigners.count == 1)
      #expect(try keys("verify p.root p-2.root", in: folder).output == "a device that has p.root accepts version 2\n")

      try keys("rotate p-2.root --expires never --sign a.key --sign c.key --passphrase-env PASS", in: folder)
      #expect(try keys("verify p.root p-2.root p-3.root", in: folder).output.hasSuffix("accepts version 3\n"))
      let jump = try keys("verify p.root p-3.root", in: folder, status: 1)
      #expect(jump.errors.contains("p-3.root: version 3 of the root does not follow version 1"))
      let back = try keys("verify p-3.root p-2.root", in: folder, status: 1)
      #expect(back.errors.contains("older"))
    }
  }

  @Test("Of a private key its public key is taken where that is wanted, and nothing of the key is shown")
  func privateKeyInPlaceOfPublic() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] { try keys("generate \(name) --algorithm ecdsa-p256 --no-passphrase", in: folder) }
      try keys("generate c --passphrase-env PASS", in: folder)
      let secret = try folder.text("a.key").split(separator: "\n")[1]
      let made = try keys("root p.root --key a.key --key c.key --passphrase-env PASS", in: folder)
      try keys("root q.root --key a.pub --key c.pub", in: folder)
      #expect(try show("p.root", in: folder).root?.keys.map(\.id) == show("q.root", in: folder).root?.keys.map(\.id))
      try keys("rotate p.root --add b.key --remove c.key --sign a.key --passphrase-env PASS", in: folder)
      #expect(try show("p-2.root", in: folder).root?.keys.count == 2)

      let attached = try keys("attach p.root a.pub --key a.key", in: folder, status: 1)
      #expect(
        attached.errors.contains("a.key is a private key, but a public key is needed\n  give a.pub instead"))
      try FileManager.default.removeItem(at: folder.appending(path: "a.pub"))
      let alone = try keys("attach p.root b.pub --key a.key", in: folder, status: 1)
      #expect(alone.errors.contains("(NAME.pub)"))
      for outcome in [made, attached, alone] { #expect(!(outcome.output + outcome.errors).contains(secret)) }
    }
  }

  @Test("Another reader, written from the documentation, finds the same root and signatures")
  func otherReader() throws {
    try withTemporaryFolder { folder in
      try keys("generate a --algorithm ecdsa-p256 --no-passphrase", in: folder)
      for name in ["b", "c"] { try keys("generate \(name) --no-passphrase", in: folder) }
      try keys("root p.root --key a.pub --key b.pub --rotation-threshold 2", in: folder)
      try keys("rotate p.root --add c.pub --remove b.pub --sign a.key --sign b.key --sign c.key", in: folder)
      let ids = try ["a", "b", "c"].map { try show("\($0).pub", in: folder).key?.id ?? "" }
      let expected = ["\(ids[0]) right", "\(ids[1]) unknown", "\(ids[2]) right"].sorted()
      #expect(try RootJudge.read("p-2.root", in: folder) == ["2 1 2"] + expected)
    }
  }

  /// Makes `b.pem`, a self-signed certificate of `b.key`.
  private func issueCertificate(in folder: URL) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = "req -x509 -new -key b.key -subj /CN=b -days 1 -out b.pem".split(separator: " ").map(
      String.init)
    process.currentDirectoryURL = folder
    try process.run()
    process.waitUntilExit()
  }

  @Test("Key holders sign a small text elsewhere, with Cultivar or OpenSSL, and their signatures are attached")
  func elsewhere() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] { try keys("generate \(name) --algorithm ecdsa-p256 --no-passphrase", in: folder) }
      try keys("generate c --no-passphrase", in: folder)
      try keys("root p.root --key a.pub --key b.pub --key c.pub --threshold 3", in: folder)
      try keys("statement p.root --output s", in: folder)
      let text = try String(contentsOf: folder.appending(path: "s"), encoding: .utf8)
      #expect(text.hasPrefix("cultivar trust root 1\n"))
      #expect(try keys("statement p.root", in: folder).output == text)
      try keys("sign s --sign a.key --sign c.key", in: folder)
      let openssl = Process()
      openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
      openssl.arguments = ["dgst", "-sha256", "-sign", "b.key", "-out", "b.sig", "s"]
      openssl.currentDirectoryURL = folder
      try openssl.run()
      openssl.waitUntilExit()

      try issueCertificate(in: folder)
      try keys("sign s --sign b.key --certificates b.pem --output s2", in: folder)
      let certificate = try keys("attach p.root s2", in: folder, status: 1)
      #expect(certificate.errors.contains("a root is signed with keys"))
      let wrong = try keys("attach p.root b.sig --key a.pub", in: folder, status: 1)
      #expect(wrong.errors.contains("b.sig: the signature of key"))
      try keys("attach p.root s.signatures", in: folder)
      try keys("attach p.root b.sig --key b.pub", in: folder)
      #expect(try #require(try show("p.root", in: folder).root).keys.allSatisfy { $0.hasSigned == true })
    }
  }

  @Test("Invalid requests are refused with a reason, and leave no files behind")
  func refusals() throws {
    try withTemporaryFolder { folder in
      try keys("generate a --no-passphrase", in: folder)
      try keys("generate b --no-passphrase", in: folder)
      try keys("root two.root --key a.pub --key b.pub --rotation-threshold 2", in: folder)
      let before = try names(in: folder)
      for (arguments, status, reason) in [
        ("generate a --no-passphrase", 1, "a.key already exists\n  files are never overwritten"),
        ("generate n", 1, "cannot ask for the passphrase of n.key: there is no terminal"),
        ("generate n --no-passphrase --passphrase-env PASS", 64, "cannot be combined"),
        ("generate n --algorithm rsa", 64, "rsa"),
        ("root p.root --key a.pub --threshold 2", 1, "a message cannot require 2 of 1 keys"),
        ("root p.root --key a.pub --key a.pub", 1, "a key occurs twice"),
        ("attach two.root a.pub --key a.key", 1, "a.key is a private key, but a public key is needed"),
        ("root p.root --key none.pub", 1, "cannot read none.pub"),
        ("root p.root --key a.pub --expires 2101-02-30", 64, "2101-02-30"),
        ("root p.root --key a.pub --expires 2001-01-01", 1, "it would have expired at 2001-01-01"),
        ("root p.root --key a.pub --sign b.key", 1, "is not in the root"),
        (
          "root p.root --key a.pub --ca a.pub", 1, "a.pub has no certificates to sign with: part 1 is not a certificate"
        ),
        ("rotate a.pub", 1, "a.pub: this is not a root file"),
        ("rotate two.root --remove b.pub", 1, "the next root requires 2 of 1 keys"),
        ("rotate two.root --remove c.pub", 1, "cannot read c.pub"),
        ("sign two.root --sign a.key --certificates a.pub", 1, "a root is signed with keys"),
        ("sign a.pub --sign a.key", 1, "a.pub: a statement to sign"),
        ("show a.pub none", 1, "cannot read none"),
        ("sign a.pub --sign pkcs11:object=x?pin-value=1234", 1, "a.pub"),
      ] as [(String, Int32, String)] {
        let outcome = try keys(arguments, in: folder, status: status)
        #expect(outcome.errors.contains(reason), "\(arguments): \(outcome.errors)")
        #expect(try names(in: folder) == before, "\(arguments)")
      }
    }
  }

  @Test("A public and a private key are shown in the same form")
  func show() throws {
    try withTemporaryFolder { folder in
      try keys("generate a --passphrase-env PASS", in: folder)
      let (secret, open) = (try show("a.key", in: folder), try show("a.pub", in: folder))
      #expect(secret.kind == "private key" && open.kind == "public key")
      #expect(secret.key?.id == open.key?.id && open.key?.id.count == 64)
      #expect(try keys("show a.pub", in: folder).output == "a.pub\n  public key ed25519\n  \(open.key?.id ?? "")\n")
    }
  }

  @Test("No program receives a passphrase as an argument")
  func arguments() throws {
    try withTemporaryFolder { folder in
      // A wrapper of OpenSSL that records its arguments.
      let program = folder.appending(path: "bin/openssl")
      try FileManager.default.createDirectory(
        at: program.deletingLastPathComponent(), withIntermediateDirectories: true)
      try "#!/bin/sh\necho \"$0 $*\" >>'\(folder.path)/calls'\nexec /usr/bin/openssl \"$@\"\n"
        .write(to: program, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      let environment = ["PATH": "\(program.deletingLastPathComponent().path):\(path)", "PASS": "correct-horse"]
      for arguments in [
        ["generate", "a", "--passphrase-env", "PASS"],
        ["root", "r", "--key", "a.pub", "--sign", "a.key", "--passphrase-env", "PASS"],
      ] {
        #expect(try Cultivar.run(["keys"] + arguments, in: folder, environment: environment).status == 0)
      }
      let calls = try String(contentsOf: folder.appending(path: "calls"), encoding: .utf8)
      #expect(calls.split(separator: "\n").count == 5)
      #expect(!calls.contains("correct-horse"))
    }
  }

  /// Runs a command on its own terminal, and types lines. Returns the terminal's output, including the exit status and
  /// whether typed text is shown.
  private func onTerminal(_ arguments: [String], typing lines: [String], in folder: URL) throws -> String {
    let script = """
      import os, pty, sys, termios, time
      lines = sys.argv[1].split("|")
      pid, terminal = pty.fork()
      if pid == 0:
          os.execv(sys.argv[2], sys.argv[2:])
      shown = b""
      while True:
          try:
              data = os.read(terminal, 4096)
          except OSError:
              break
          if not data:
              break
          shown += data
          if data.endswith(b": ") and lines:
              time.sleep(0.3)
              # Read before the answer, as the program may turn echo on again after it.
              echo = termios.tcgetattr(terminal)[3] & termios.ECHO
              os.write(terminal, lines.pop(0).encode().decode("unicode_escape").encode())
              shown += b"[shown]" if echo else b"[hidden]"
      status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
      print(shown.decode(), "status", status)
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", script, lines.joined(separator: "|"), BuiltTool.file.path, "keys"] + arguments
    process.currentDirectoryURL = folder
    let output = folder.appending(path: ".output")
    try Data().write(to: output)
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    return try String(contentsOf: output, encoding: .utf8)
  }

  @Test("A terminal asks for a passphrase without showing it, twice for a new key; Ctrl-C cancels")
  func terminal() throws {
    try withTemporaryFolder { folder in
      let made = try onTerminal(
        ["generate", "a"], typing: ["correct horse\\n", "correct horse\\n"], in: folder)
      #expect(made.contains("Passphrase of a.key: [hidden]") && made.contains("Repeat the passphrase: [hidden]"))
      #expect(made.hasSuffix("status 0\n") && !made.contains("correct horse"), "\(made)")
      let shown = try onTerminal(["show", "a.key"], typing: ["correct horse\\n"], in: folder)
      #expect(shown.contains("private key ed25519") && shown.hasSuffix("status 0\n"), "\(shown)")
      let wrong = try onTerminal(["show", "a.key"], typing: ["wrong horse\\n"], in: folder)
      #expect(wrong.contains("the passphrase or PIN of a.key is wrong") && wrong.hasSuffix("status 1\n"), "\(wrong)")
      let differing = try onTerminal(["generate", "b"], typing: ["correct horse\\n", "another\\n"], in: folder)
      #expect(differing.contains("the two passphrases differ") && differing.hasSuffix("status 1\n"), "\(differing)")
      let ended = try onTerminal(["generate", "b"], typing: ["\\x03"], in: folder)
      #expect(ended.contains("interrupted") && ended.hasSuffix("status 130\n"), "\(ended)")
      #expect(try names(in: folder) == ["a.key", "a.pub"])
    }
  }
}
