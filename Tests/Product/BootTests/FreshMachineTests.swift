import Foundation
import TestFixtures
import Testing

extension Machines {
  /// The README's commands on a fresh machine.
  @Suite
  struct FreshMachineTests {
    private static let script = Checkout.folder.appending(path: "Scripts/fresh-machine")

    @Test(
      "A fresh Debian with the packages of the README's first command builds, flashes and runs the example",
      .enabled(if: geteuid() == 0, "a minimal Debian in a folder takes root"))
    func short() throws {
      let verdict = try Judge("bash").run(
        [Self.script.path, "--short"], environment: ["CULTIVAR_TOOL": BuiltTool.file.path])
      #expect(verdict.status == 0, "\(verdict.output.suffix(2000))\n\(verdict.errors.suffix(2000))")
    }

    @Test("The README's commands succeed on fresh Debians", .long, arguments: ["bookworm", "trixie"])
    func whole(suite: String) throws {
      let verdict = try Judge("bash").run([Self.script.path, "--suite", suite])
      #expect(verdict.status == 0, "\(verdict.output.suffix(4000))\n\(verdict.errors.suffix(2000))")
    }
  }
}
