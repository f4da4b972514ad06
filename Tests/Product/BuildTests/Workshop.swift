import Foundation
import HostSystem
import Lock
import Project
import TestFixtures
import Testing

@testable import ImageBuild

/// Makes projects and runs the tool on them like a user, with real packages.
///
/// Packages and tools are in the cache that the environment names, as for every build of the user.
struct Workshop: Sendable {
  /// The reason why the tests of this target are skipped.
  static let condition: Comment =
    "CULTIVAR_DEVICE_EXECUTABLES names no folder with x86_64/cultivar-device; `make test` sets it"

  /// True if there is a device executable to put into images.
  static let isReady: Bool = {
    let folder = ProcessInfo.processInfo.environment["CULTIVAR_DEVICE_EXECUTABLES"] ?? ""
    return FileManager.default.isExecutableFile(atPath: "\(folder)/x86_64/cultivar-device")
  }()

  /// True if this machine can run virtual machines.
  static let hasEmulator = FileManager.default.isExecutableFile(atPath: "/usr/bin/qemu-system-x86_64")

  /// The executable that was built together with the tests.
  static var tool: URL { BuiltTool.file }

  /// The cache of the builds.
  static var cache: URL { Cache.defaultFolder(environment: ProcessInfo.processInfo.environment) }

  /// The same cache, open as long as the tests run, so that other builds do not remove results from it that the tests
  /// use.
  static let openCache = Result { try Cache(at: cache) }

  /// Copies the archives of the builds to another cache, to spare the mirror. Another build may remove some meanwhile.
  static func copyArchives(to other: URL) throws {
    let (own, copies) = (cache.appending(path: "archives"), other.appending(path: "archives"))
    try FolderTree.create(copies.path)
    for name in try FolderTree.names(in: own.path) {
      do {
        try FileManager.default.copyItem(at: own.appending(path: name), to: copies.appending(path: name))
      } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {}
    }
  }

  /// A lock file with all packages of the tests' projects, so that APT is asked only once.
  private static let lock = Task<[UInt8], any Error> {
    try await withTemporaryFolder { folder in
      try write(programs: [Program.hello, Program.curl], image: "", to: folder)
      let verdict = try Judge(at: tool).run(["lock", "--quiet"], in: folder)
      try #require(verdict.status == 0, "\(verdict.errors)")
      return try FolderTree.readFile(folder.appending(path: "cultivar.lock").path)
    }
  }

  /// Returns the builder of the tool for a project.
  static func builder(of folder: URL, cache: Cache) throws -> ImageBuilder {
    let environment = ProcessInfo.processInfo.environment
    return ImageBuilder(
      project: try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project, cache: cache,
      lock: try ProjectLock(file: folder.appending(path: "cultivar.lock")),
      executables: DeviceExecutable(environment: environment, tool: folder), progress: BuildProgress(style: .quiet),
      environment: environment)
  }

  /// Programs of the tests' projects, as items of a project file.
  enum Program {
    /// A static executable made by the test.
    static let hello = "executable: ./hello"
    /// A Debian package with many libraries.
    static let curl = "debian: { packages: [curl], executable: /usr/bin/curl }"
  }

  /// Makes a project with an image called `box`, and passes its folder to a closure.
  ///
  /// - Parameters:
  ///   - programs: Items of the list of programs.
  ///   - image: Further lines of the image.
  ///   - project: Further lines of the project.
  static func withProject<Value>(
    programs: [String] = [Program.hello], image: String = "", project: String = "",
    _ work: (URL) async throws -> Value
  ) async throws -> Value {
    try await withTemporaryFolder { folder in
      try write(programs: programs, image: image, project: project, to: folder)
      try folder.writing(try await lock.value, to: "cultivar.lock")
      return try await work(folder)
    }
  }

  /// Writes a project file, and the static executable that it may name.
  static func write(programs: [String], image: String, project: String = "", to folder: URL) throws {
    var lines = ["cultivar: 1", "name: test", project, "images:", "  box:", "    device: generic-x86_64"]
    if !image.contains("layout:") { lines.append("    layout: appliance-ab") }
    lines += image.split(separator: "\n").map { "    \($0)" }
    lines.append("    programs:")
    lines += programs.map { "      - " + $0.replacing("\n", with: "\n        ") }
    try folder.writing(lines.joined(separator: "\n") + "\n", to: "cultivar.yaml")
    try folder.writing(try staticExecutable.get(), to: "hello", mode: 0o755)
  }

  /// A small static executable, made by the C compiler of this machine.
  private static let staticExecutable = Result { () throws -> [UInt8] in
    let folder = ProcessFolder.newPlace("compiler")
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = try folder.writing("int main(void) { return 0; }\n", to: "hello.c")
    let product = folder.appending(path: "hello").path
    let verdict = try Judge("cc").run(["-static", "-Wl,--build-id=none", "-o", product, source.path])
    try #require(verdict.status == 0, "\(verdict.errors)")
    return try FolderTree.readFile(product)
  }

  @discardableResult
  static func run(
    _ arguments: [String], in folder: URL, environment: [String: String?] = [:]
  ) throws -> Judge.Verdict {
    try Judge(at: tool).run(arguments, in: folder, environment: environment)
  }

  /// Builds the image, which must succeed.
  static func build(_ folder: URL, environment: [String: String?] = [:]) throws -> BuiltImage {
    let verdict = try run(["build", "--quiet"], in: folder, environment: environment)
    try #require(verdict.status == 0, "\(verdict.errors)")
    return try BuiltImage(folder.appending(path: "build/box"))
  }

  /// Builds the project, and runs a program from the image. The program is static, so it also runs here.
  static func output(
    of name: String, in folder: URL, environment: [String: String?] = [:]
  ) throws -> String {
    let image = try build(folder, environment: environment)
    let place = folder.appending(path: "unpacked-\(UUID().uuidString)")
    try FolderTree.create(place.path)
    let program = try image.unpackedRoot(place).appending(path: "usr/lib/programs/\(name)")
    let linkage = try Judge("readelf").run(["--program-headers", program.path]).output
    #expect(!linkage.contains("INTERP"), "\(name) is not linked statically")
    return try Judge(at: program).run([]).output
  }

  /// Returns the standard error of a build that must fail.
  static func refusal(_ folder: URL, environment: [String: String?] = [:]) throws -> String {
    let verdict = try run(["build", "--quiet"], in: folder, environment: environment)
    #expect(verdict.status == 1)
    #expect(try FolderTree.names(in: folder.path).contains("build") == false)
    return verdict.errors
  }
}
