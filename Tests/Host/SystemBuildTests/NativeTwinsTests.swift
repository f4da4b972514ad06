import HostSystem
import Testing

@testable import SystemBuild

@Suite("Native twins")
struct NativeTwinsTests {
  @Test(
    "Rebuilds of one version count as the same, as each architecture has its own",
    arguments: [
      ("1.2-3+b1", "1.2-3"), ("1.2-3+b12", "1.2-3"), ("1:5.2.37-2+b10", "1:5.2.37-2"), ("1.2-3", "1.2-3"),
      ("1.2-3+deb13u1", "1.2-3+deb13u1"), ("1.2-3+deb13u1+b2", "1.2-3+deb13u1"), ("2+b", "2+b"),
      ("2+beta1-1", "2+beta1-1"),
    ])
  func source(version: String, expected: String) {
    #expect(NativeTwins.source(version) == expected)
  }

  @Test("Every exception is a program in a search path, and has a reason")
  func exceptions() {
    for (path, reason) in NativeTwins.exceptions {
      #expect(["/usr/bin/", "/usr/sbin/", "/usr/lib/"].contains { path.hasPrefix($0) }, "\(path)")
      #expect(!reason.isEmpty)
    }
    #expect(Set(NativeTwins.packages).count == NativeTwins.packages.count)
  }

  @Test("The host's own architecture needs no twins")
  func needs() {
    #expect(ForeignPrograms.needs(for: Architecture.host.rawValue, suite: "trixie") == nil)
    let foreign = ForeignPrograms.needs(for: "armhf", suite: "bookworm")
    #expect(foreign?.requests.map(\.suite) == ["trixie", "bookworm"])
    #expect(foreign?.requests.allSatisfy { $0.architecture == Architecture.host.rawValue } == true)
  }
}
