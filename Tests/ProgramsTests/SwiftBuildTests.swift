import Testing

@testable import Programs

@Suite("Builds of Swift packages")
struct SwiftBuildTests {
  private static let release = "Swift version 6.3.1 (swift-6.3.1-RELEASE)\nTarget: x86_64-unknown-linux-gnu\n"

  @Test(
    "The Static Linux SDK of the toolchain's own version is taken, and no other",
    arguments: [
      (
        "swift-6.2-RELEASE_static-linux-0.0.1\nswift-6.3.1-RELEASE_static-linux-0.1.0\n", release,
        "swift-6.3.1-RELEASE_static-linux-0.1.0"
      ),
      ("swift-6.3-RELEASE_static-linux-0.0.1\nswift-6.3.1-RELEASE_wasm\n", release, nil),
      ("No Swift SDKs are currently installed.\n", release, nil),
      ("main-snapshot_static-linux\n", "Swift version 6.5-dev (LLVM 0123)", "main-snapshot_static-linux"),
    ] as [(String, String, String?)])
  func staticSDK(list: String, version: String, sdk: String?) {
    #expect(SwiftBuild.staticSDK(among: list, toolchain: version) == sdk)
  }
}
