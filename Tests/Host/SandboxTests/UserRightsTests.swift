import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

@Suite("The sandbox of a user other than root")
struct UserRightsTests {
  private static let isWithin = ProcessInfo.processInfo.environment["CULTIVAR_TEST_AS_USER"] != nil

  /// Makes a host on which the user 54399 meets all requirements.
  private func withHost(_ body: (URL, UserRights) throws -> Void) async throws {
    try await withTemporaryFolder { host in
      for name in ["newuidmap", "newgidmap"] { try host.writing("", to: "usr/bin/\(name)", mode: 0o755) }
      for name in ["subuid", "subgid"] { try host.writing("other:1:65536\n54399:100000:65536\n", to: "etc/\(name)") }
      try host.writing("10000\n", to: "proc/sys/user/max_user_namespaces")
      try body(host, UserRights(uid: 54_399, host: host))
    }
  }

  @Test("Subordinate IDs, the mapping programs, and the kernel's permission make a sandbox possible")
  func complete() async throws {
    try await withHost { _, rights in _ = try rights.check() }
  }

  @Test("If the mapping programs are missing, their package is named")
  func noProgram() async throws {
    try await withHost { host, rights in
      #expect(unlink(host.appending(path: "usr/bin/newgidmap").path) == 0)
      let failure = #expect(throws: SandboxFailure.self) { try rights.check() }
      #expect(
        failure?.description == """
          cannot make a sandbox without root: there is no /usr/bin/newgidmap
            install the Debian package uidmap, or build as root
          """)
    }
  }

  @Test("Without a large enough range of IDs, the command that adds one is shown")
  func noRange() async throws {
    try await withHost { host, rights in
      try host.writing("54399:100000:1000\n", to: "etc/subgid")
      let failure = #expect(throws: SandboxFailure.self) { try rights.check() }
      #expect(
        failure?.description == """
          cannot make a sandbox without root: 54399 has no range of 65,536 ids in /etc/subgid
            add a range: `usermod --add-subgids 165536-231071 54399`, or build as root
          """)
    }
  }

  @Test("The suggested range is the first one that no other user has")
  func freeRange() async throws {
    try await withHost { host, rights in
      try host.writing("a:165536:65536\nb:100000:65536\nc:400000:65536\n", to: "etc/subuid")
      try host.writing("d:231072:100\n", to: "etc/subgid")
      let failure = #expect(throws: SandboxFailure.self) { try rights.check() }
      #expect(failure?.remedy == "add a range: `usermod --add-subuids 231172-296707 54399`, or build as root")
    }
  }

  @Test(
    "If the kernel permits no user namespaces, the setting is named",
    arguments: [
      ("kernel.unprivileged_userns_clone", "0", "1"), ("user.max_user_namespaces", "0", "10000"),
      ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ])
  func noNameSpaces(setting: String, value: String, needed: String) async throws {
    try await withHost { host, rights in
      try host.writing("\(value)\n", to: "proc/sys/" + setting.replacing(".", with: "/"))
      let failure = #expect(throws: SandboxFailure.self) { try rights.check() }
      #expect(
        failure?.description == """
          cannot make a sandbox without root: this kernel does not allow user namespaces \
          for users (\(setting) is \(value))
            set it: `sysctl \(setting)=\(needed)`, or build as root
          """)
    }
  }

  @Test("Files of other users in a sandbox belong to subordinate IDs, and can still be removed")
  func owners() async throws {
    guard Bench.canMount else { return }
    try await Bench.with { bench in
      let upper = try bench.layer("upper")
      try await bench.box.run(
        "mkdir -p /closed/deep; echo x > /closed/deep/file; chown -R 33:33 /closed; chmod 700 /closed",
        root: .overlay(lower: [try bench.system()], upper: upper), to: "write")
      var status = stat()
      #expect(lstat(upper.appending(path: "closed").path, &status) == 0)
      #expect(geteuid() == 0 ? status.st_uid == 33 : status.st_uid > 65_535)
      Sandbox.remove(upper)
      #expect(!FileManager.default.fileExists(atPath: upper.path))
    }
  }

  @Test(
    "All sandbox tests pass for another user as well",
    .enabled(if: OtherUser.isPossible && !isWithin))
  func anotherUser() async throws {
    try await withTemporaryFolder { folder in
      let scratch = folder.appending(path: "scratch")
      try FolderTree.create(scratch.path)
      #expect(chmod(folder.path, 0o755) == 0)
      let user = try OtherUser(home: scratch, files: folder)
      let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      let verdict = try user.run(
        tests, ["--testing-library", "swift-testing", "--filter", "SandboxTests"], in: folder,
        environment: ["CULTIVAR_TEST_AS_USER": "1"])
      #expect(verdict.status == 0, "\(verdict.output)\(verdict.errors)")
      #expect(verdict.errors.contains("A cancelled build leaves no process"), "the tests did not run")
      #expect(try FolderTree.names(in: scratch.path) == [])
    }
  }
}
