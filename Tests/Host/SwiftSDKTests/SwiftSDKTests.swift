import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import SwiftSDK

@Suite("Swift SDKs for other architectures")
struct SwiftSDKTests {
  private static let release = "Swift version 6.3.1 (swift-6.3.1-RELEASE)\nTarget: x86_64-unknown-linux-gnu\n"

  private func sdk(_ architecture: Architecture, made: Int64 = 1) -> DebianSDK {
    DebianSDK(
      architecture: architecture, version: "6.2.3-1", suite: "sid", size: 1_000, made: made,
      identity: Digest(of: "\(architecture) \(made)"))
  }

  @Test(
    "Only the Static Linux SDK of the toolchain's own version is used",
    arguments: [
      (
        "swift-6.2-RELEASE_static-linux-0.0.1\nswift-6.3.1-RELEASE_static-linux-0.1.0\n", release,
        "swift-6.3.1-RELEASE_static-linux-0.1.0"
      ),
      ("swift-6.3-RELEASE_static-linux-0.0.1\nswift-6.3.1-RELEASE_wasm\n", release, nil),
      ("No Swift SDKs are currently installed.\n", release, nil),
      ("main-snapshot_static-linux\n", "Swift version 6.5-dev (LLVM 0123)", "main-snapshot_static-linux"),
    ] as [(String, String, String?)])
  func official(list: String, version: String, name: String?) {
    #expect(SwiftSDK.official(among: list, toolchain: version) == name)
  }

  @Test("The Static Linux SDK has priority over one made from Debian packages")
  func choice() {
    let official = "swift-6.3.1-RELEASE_static-linux-0.1.0"
    let made = sdk(.arm64)
    #expect(SwiftSDK.choose(among: official, toolchain: Self.release, debian: made) == .official(official))
    #expect(SwiftSDK.choose(among: "", toolchain: Self.release, debian: made) == .debian(made))
    #expect(SwiftSDK.choose(among: "", toolchain: Self.release, debian: nil) == nil)
  }

  @Test("The bundle names the sysroot, the static libraries and both names of the host")
  func bundle() throws {
    let bundle = SDKBundle(architecture: .arm64, host: .amd64, triple: "aarch64-unknown-linux-gnu")
    let files = try bundle.files().mapValues { String(decoding: $0, as: UTF8.self) }
    #expect(
      files["/sdks/cultivar-arm64.artifactbundle/info.json"] == """
        {
          "artifacts" : {
            "cultivar-arm64" : {
              "type" : "swiftSDK",
              "variants" : [
                {
                  "path" : "sdk",
                  "supportedTriples" : [
                    "x86_64-unknown-linux-gnu",
                    "x86_64-pc-linux-gnu"
                  ]
                }
              ],
              "version" : "1"
            }
          },
          "schemaVersion" : "1.0"
        }

        """)
    #expect(
      files["/sdks/cultivar-arm64.artifactbundle/sdk/swift-sdk.json"] == """
        {
          "schemaVersion" : "4.0",
          "targetTriples" : {
            "aarch64-unknown-linux-gnu" : {
              "sdkRootPath" : "/sysroot",
              "swiftResourcesPath" : "/sysroot/usr/lib/swift_static",
              "swiftStaticResourcesPath" : "/sysroot/usr/lib/swift_static",
              "toolsetPaths" : [
                "toolset.json"
              ]
            }
          }
        }

        """)
    #expect(
      files["/sdks/cultivar-arm64.artifactbundle/sdk/toolset.json"] == """
        {
          "linker" : {
            "path" : "ld.lld"
          },
          "rootPath" : "/usr/libexec/swift/bin",
          "schemaVersion" : "1.0",
          "swiftCompiler" : {
            "extraCLIOptions" : [
              "-use-ld=lld",
              "-static-stdlib",
              "-static-executable"
            ]
          }
        }

        """)
    #expect(files.count == 3)
  }

  private func packages(_ names: [String]) -> [DebianPackage] {
    names.map { name in
      DebianPackage(
        name: name, version: "1", architecture: "arm64", archive: .main, path: "pool/\(name).deb", size: 1,
        sha256: Digest(of: name))
    }
  }

  @Test("The kept packages are the compiler with its libraries, and the target's headers and static libraries")
  func content() {
    let found = packages([
      "base-files", "binutils", "coreutils", "dash", "g++-16-aarch64-linux-gnu", "git", "git-man", "libc6", "libc6-dev",
      "libgcc-16-dev", "libgcc-s1", "libpython3.14", "libsomething-new", "libstdc++-16-dev", "libstdc++6",
      "libswiftlang", "linux-libc-dev", "perl-base", "swiftlang", "tzdata",
    ])
    let both = ["libc6", "libc6-dev", "libgcc-16-dev", "libgcc-s1"]
    #expect(
      SDKContent.compilerPackages(among: found).map(\.name) == ["coreutils", "dash", "git"] + both + [
        "libsomething-new", "libstdc++-16-dev", "libstdc++6", "libswiftlang", "linux-libc-dev", "swiftlang",
      ])
    #expect(
      SDKContent.libraryPackages(among: found).map(\.name) == both + [
        "libstdc++-16-dev", "libstdc++6", "libswiftlang", "linux-libc-dev", "swiftlang",
      ])
  }

  @Test("A build writes only its scratch folder, reads the others, and uses the packages resolved on the host")
  func build() async throws {
    try await withTemporaryFolder { home in
      let package = URL(fileURLWithPath: "/work/app")
      let build = SandboxedBuild(
        sdk: sdk(.arm64), root: URL(fileURLWithPath: "/cache/root"), package: package,
        sources: ["/work/app", "/work/library"], scratch: package.appending(path: ".build/sdk"))
      #expect(
        build.command(["-c", "release"]) == [
          "swift", "build", "--swift-sdks-path", "/sdks", "--swift-sdk", "cultivar-arm64", "--package-path",
          "/work/app", "--scratch-path", "/work/app/.build/sdk", "--disable-automatic-resolution", "--manifest-cache",
          "local", "-c", "release",
        ])
      #expect(build.products("release").path == "/work/app/.build/sdk/aarch64-unknown-linux-gnu/release")
      #expect(build.bindings(home: home).map(\.path) == ["/work/app", "/work/library", "/work/app/.build/sdk"])
      #expect(build.bindings(home: home).map(\.isWritable) == [false, false, true])
      try home.writing("{}", to: ".swiftpm/configuration/mirrors.json")
      #expect(build.bindings(home: home).first?.path == "/tmp/home/.swiftpm/configuration/mirrors.json")
    }
  }

  private func withSDKs(_ work: (DebianSDKs) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      // Made before the start of the process that checks them.
      let cache = try Cache(at: folder)
      let sdks = DebianSDKs(cache: cache)
      for sdk in [sdk(.arm64, made: 1), sdk(.arm64, made: 2), sdk(.amd64)] {
        let place = sdks.folder(of: sdk)
        _ = try await cache.result(place.deletingLastPathComponent().lastPathComponent, sdk.identity) {
          try $0.writing(try ReadableJSON.encode(sdk), to: "sdk.json")
        }
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: place.path)
      }
      try work(sdks)
    }
  }

  @Test("The newest SDK of an architecture is used")
  func newest() async throws {
    try await withSDKs { sdks in
      let all = try sdks.all()
      #expect(all.map(\.made) == [1, 2, 1])
      let newest = try sdks.newest(for: .arm64)
      #expect(newest?.made == 2)
    }
  }

  @Test("All SDKs of an architecture are removed; a second removal is an error")
  func remove() async throws {
    try await withSDKs { sdks in
      try sdks.remove(.arm64)
      let left = try sdks.all()
      #expect(left.map(\.architecture) == [.amd64])
      let failure = #expect(throws: SDKFailure.self) { try sdks.remove(.arm64) }
      #expect(
        failure?.description == """
          there is no Swift SDK for arm64
            make one: `cultivar sdk install arm64`
          """)
    }
  }

  @Test("An SDK in use by a running build is not removed")
  func inUse() async throws {
    try await withSDKs { sdks in
      _ = try sdks.newest(for: .arm64)
      let failure = #expect(throws: SDKFailure.self) { try sdks.remove(.arm64) }
      #expect(failure?.problem == "cannot remove the Swift SDK for arm64: a running build uses it")
      let newest = try sdks.newest(for: .arm64)
      #expect(newest?.made == 2)
    }
  }
}
