import Foundation
import Glibc
import Hashing
import HostSystem
import Lock
import Programs
import Project
import SwiftSDK
import TestFixtures
import Testing

@testable import ImageBuild

/// Without an SDK in the cache, the first test takes two to five minutes to fetch and unpack 1.1 GB of packages. Later
/// tests find it there.
@Suite("Swift for arm64 from x86-64", .serialized, .enabled(if: Architecture.host == .amd64))
struct ForeignSwiftTests {
  /// Writes a package with a C target, a dependency by path, and one from a git repository.
  private func writePackage(to folder: URL, library: URL) throws {
    try folder.writing(
      """
      // swift-tools-version: 6.0
      import PackageDescription
      let package = Package(
        name: "greet",
        dependencies: [.package(path: "../words"), .package(url: "file://\(library.path)", from: "1.0.0")],
        targets: [
          .target(name: "CPlace"),
          .executableTarget(
            name: "greet",
            dependencies: [
              "CPlace", .product(name: "Words", package: "words"), .product(name: "Numbers", package: "numbers"),
            ]),
        ])
      """, to: "greet/Package.swift")
    try folder.writing("const char *place(void);\n", to: "greet/Sources/CPlace/include/place.h")
    try folder.writing(
      "#include \"place.h\"\nconst char *place(void) { return __FILE__; }\n", to: "greet/Sources/CPlace/place.c")
    try folder.writing(
      """
      import CPlace
      import Foundation
      import Numbers
      import Words
      #if arch(arm64)
      print(word, number, String(cString: place()), #fileID, Date(timeIntervalSince1970: 0).formatted(.iso8601))
      #endif

      """, to: "greet/Sources/greet/main.swift")
    try writeLibrary("Words", "public let word = \"hello\"", to: folder.appending(path: "words"))
  }

  private func writeLibrary(_ name: String, _ source: String, to folder: URL) throws {
    try folder.writing(
      """
      // swift-tools-version: 6.0
      import PackageDescription
      let package = Package(
        name: "\(name.lowercased())", products: [.library(name: "\(name)", targets: ["\(name)"])],
        targets: [.target(name: "\(name)")])
      """, to: "Package.swift")
    try folder.writing("\(source)\n", to: "Sources/\(name)/\(name).swift")
  }

  private func publish(_ folder: URL) throws {
    func git(_ arguments: [String]) throws {
      let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
      let verdict = try Judge("git").run(identity + arguments, in: folder)
      try #require(verdict.status == 0, "\(verdict.errors)")
    }
    try git(["init", "-q", "-b", "main"])
    try git(["add", "."])
    try git(["commit", "-q", "-m", "one"])
    try git(["tag", "1.0.0"])
  }

  @Test("A program with dependencies is the same from two folders, is linked statically, and runs")
  func program() async throws {
    // The mirror of the tests may be a frozen one.
    let installation = try Workshop.run(
      ["sdk", "install", "arm64", "--allow-expired-index", "--quiet"], in: FileManager.default.temporaryDirectory)
    try #require(installation.status == 0, "\(installation.errors)")
    try await withTemporaryFolder { folder in
      let library = folder.appending(path: "numbers")
      try writeLibrary("Numbers", "public let number = 42", to: library)
      try publish(library)
      var hashes: Set<Digest> = []
      for name in ["one", "another"] {
        let place = folder.appending(path: name)
        try writePackage(to: place, library: library)
        try Workshop.write(programs: ["swift: { package: ./greet, product: greet }"], image: "", to: place)
        let project = try ProjectReader().read(place.appending(path: "cultivar.yaml")).project
        let cache = try Cache(at: Workshop.cache)
        let builder = ProgramBuilder(
          cache: cache, lock: try ProjectLock(file: place.appending(path: "cultivar.lock")))
        let executable = try #require(
          try await builder.executable(of: project.images[0].programs[0], for: .arm64))
        let headers = try Judge("readelf").run(["--file-header", "--program-headers", executable.path]).output
        #expect(headers.contains("AArch64") && !headers.contains("INTERP"), "\(headers)")
        #expect(
          try Judge("qemu-aarch64-static").run([executable.path]).output
            == "hello 42 /source/Sources/CPlace/place.c greet/main.swift 1970-01-01T00:00:00Z\n")
        hashes.insert(try Digest(ofFile: executable.path))
      }
      #expect(hashes.count == 1)
    }
  }

  @Test("`cultivar sdk build` prints the compiler's messages, and leaves the executable in the scratch folder")
  func build() async throws {
    try await withTemporaryFolder { folder in
      try writeLibrary("Words", "public let word = 1 + \"\"", to: folder)
      let failure = try Workshop.run(["sdk", "build", "arm64"], in: folder)
      #expect(failure.status == 1)
      #expect(failure.output.contains("Words.swift:1:"), "\(failure.output) \(failure.errors)")
      try folder.writing("public let word = 1\n", to: "Sources/Words/Words.swift")
      let success = try Workshop.run(
        ["sdk", "build", "arm64", "--scratch-path", "made", "--", "-c", "release"], in: folder)
      #expect(success.status == 0, "\(success.output) \(success.errors)")
      #expect(try folder.appending(path: "made").text("workspace-state.json") != "")
      #expect(try FolderTree.names(in: folder.appending(path: "made/release").path).contains("Words.build"))
    }
  }

  @Test("Without an SDK, a build tells how to make one")
  func noSDK() async throws {
    try await withTemporaryFolder { folder in
      try writeLibrary("Words", "public let word = 1", to: folder.appending(path: "greet"))
      try Workshop.write(programs: ["swift: { package: ./greet, product: greet }"], image: "", to: folder)
      let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
      let builder = ProgramBuilder(
        cache: try Cache(at: folder.appending(path: "cache")),
        lock: try ProjectLock(file: folder.appending(path: "cultivar.lock")))
      let failure = await #expect(throws: ProgramFailure.self) {
        try await builder.executable(of: project.images[0].programs[0], for: .arm64)
      }
      #expect(
        failure?.description == """
          cannot build the program `greet` for arm64: swift does not have this target
            make one: `cultivar sdk install arm64`
          """)
    }
  }

  /// An obstacle to an SDK, and the expected message.
  struct Obstacle: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var environment: [String: String] = [:]
    var withoutRange = false
    var said: String

    var testDescription: String { said }
  }

  @Test(
    "An obstacle to an SDK is reported with a remedy",
    arguments: [
      Obstacle(arguments: ["install", "mips"], said: "Please provide one of 'amd64' and 'arm64'."),
      Obstacle(
        arguments: ["install", "x86_64"],
        said: "x86-64 is this machine's own architecture, which needs no SDK\n  build with `swift build`\n"),
      Obstacle(
        arguments: ["build", "aarch64"],
        said: "there is no Swift SDK for arm64\n  make one: `cultivar sdk install arm64`\n"),
      Obstacle(
        arguments: ["remove", "arm64"],
        said: "there is no Swift SDK for arm64\n  make one: `cultivar sdk install arm64`\n"),
      Obstacle(
        arguments: ["install", "arm64", "--quiet"],
        environment: ["CULTIVAR_DEBIAN_MIRROR": "http://127.0.0.1:9/debian"],
        said: "cannot fetch the package index of sid: cannot reach 127.0.0.1:9\n"),
      Obstacle(
        arguments: ["install", "arm64", "--quiet"], withoutRange: true,
        said: "has no range of 65,536 ids in /etc/subuid\n  add a range: `usermod --add-subuids "),
    ])
  func refused(obstacle: Obstacle) async throws {
    guard !obstacle.withoutRange || OtherUser.isPossible else { return }
    try await withTemporaryFolder { folder in
      #expect(chmod(folder.path, 0o755) == 0)
      let home = folder.appending(path: "home")
      try FolderTree.create(home.path)
      let environment = obstacle.environment.merging(["CULTIVAR_CACHE": home.appending(path: "cache").path]) { $1 }
      let arguments = ["sdk"] + obstacle.arguments
      let verdict =
        obstacle.withoutRange
        ? try OtherUser(home: home, files: folder, hasRange: false).run(
          Workshop.tool, arguments, environment: environment)
        : try Workshop.run(arguments, in: home, environment: environment)
      #expect(verdict.status != 0)
      #expect(verdict.errors.contains(obstacle.said), "\(verdict.errors)")
    }
  }
}
