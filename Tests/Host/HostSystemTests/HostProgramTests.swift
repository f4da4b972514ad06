import Foundation
import TestFixtures
import Testing

@testable import HostSystem

@Suite("Programs of the build host")
struct HostProgramTests {
  private static let script = Checkout.folder.appending(path: "Scripts/require-packages").path

  @Test("The README's first command installs the declared packages")
  func packages() throws {
    let listed = Set(
      try Judge("sh").run([Self.script, "--list", "run", "test"]).output.split(separator: "\n").map(String.init))
    let uses: [HostProgram.Use] = [.build, .users, .signing, .emulator, .arm64, .git, .go]
    let declared = HostProgram.all.filter { uses.contains($0.use) }.compactMap(\.package)
    #expect(declared.count > 10)
    #expect(listed.isSuperset(of: declared), "\(Set(declared).subtracting(listed))")
  }

  @Test("Every declared program of a build is installed on the machine that runs the tests")
  func present() throws {
    try HostProgram.require([.build, .signing, .emulator])
  }

  @Test("All missing programs are reported at once, with their purposes and a command to install them")
  func missing() {
    let failure = MissingPrograms([.git, .openSSL, .swift])
    #expect(
      failure.problem == """
        there is no program git, which is needed to fetch programs and layers
        there is no program openssl, which is needed to make keys, and sign with them
        there is no program swift, which is needed to build programs in Swift
        """)
    #expect(
      failure.remedy?.hasSuffix(
        "apt-get install git openssl`; install Swift 6.2 or newer: https://www.swift.org/install") == true)
  }
}
