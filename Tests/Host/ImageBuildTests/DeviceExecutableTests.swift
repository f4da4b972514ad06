import Foundation
import TestFixtures
import Testing

@testable import ImageBuild

@Suite("The device executable beside the tool")
struct DeviceExecutableTests {
  @Test("It comes from the environment, or is beside the installed tool; otherwise the error lists the places")
  func places() async throws {
    try await withTemporaryFolder { folder in
      let tool = folder.appending(path: "bin/cultivar")
      let named = ["CULTIVAR_DEVICE_EXECUTABLES": folder.appending(path: "named").path]
      let failure = #expect(throws: ImageFailure.self) {
        _ = try DeviceExecutable(environment: named, tool: tool).file(for: .amd64)
      }
      let installed = try folder.writing("", to: "libexec/cultivar/x86_64/cultivar-device", mode: 0o755)
      let chosen = folder.appending(path: "named/x86_64/cultivar-device")

      #expect(failure?.problem.hasSuffix(" at \(chosen.path), \(installed.path)") == true)
      #expect(try DeviceExecutable(environment: named, tool: tool).file(for: .amd64).path == installed.path)
      try folder.writing("", to: "named/x86_64/cultivar-device", mode: 0o755)
      #expect(try DeviceExecutable(environment: named, tool: tool).file(for: .amd64).path == chosen.path)
    }
  }
}
