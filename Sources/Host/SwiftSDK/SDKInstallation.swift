import DebianArchive
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Lock
import Sandbox

/// Makes a Swift SDK from Debian's packages.
public struct SDKInstallation: Sendable {
  private let cache: Cache
  private let mirror: Mirror
  private let acceptsExpiredIndex: Bool
  private let progress: BuildProgress

  /// - Parameter acceptsExpiredIndex: True to accept an index past its `Valid-Until` date, such as that of a frozen
  ///   mirror. Its signature must be valid in any case.
  public init(cache: Cache, mirror: Mirror, acceptsExpiredIndex: Bool, progress: BuildProgress) {
    self.cache = cache
    self.mirror = mirror
    self.acceptsExpiredIndex = acceptsExpiredIndex
    self.progress = progress
  }

  /// Makes the SDK for an architecture from the archive's current packages, unless it exists.
  ///
  /// SDKs from older packages are removed, except those that a running build uses.
  ///
  /// - Throws: ``SDKFailure``, `ArchiveFailure`, `SandboxFailure`, `CommandFailure`, `FileFailure`.
  public func install(_ architecture: Architecture) async throws -> DebianSDK {
    guard architecture != .host else { throw SDKFailure.own(architecture) }
    // Checked before some hundreds of megabytes are fetched.
    try DebianArchive.checkTools()
    _ = try Sandbox(scratch: cache.folder)
    return try await cache.withScratch { scratch in
      let archive = DebianArchive(
        cache: cache, mirror: mirror, lock: try ProjectLock(file: scratch.appending(path: "lock")),
        acceptsExpiredIndex: acceptsExpiredIndex)
      let (compiler, libraries) = try await progress.step("look up packages") {
        try await packages(for: architecture, in: archive)
      }
      let sdk = try await make(architecture, compiler: compiler, libraries: libraries, archive: archive)
      let sdks = DebianSDKs(cache: cache)
      for old in try sdks.all() where old.architecture == architecture && old.identity != sdk.identity {
        _ = try cache.remove(DebianSDKs.kind, old.identity)
      }
      return sdk
    }
  }

  private func packages(
    for architecture: Architecture, in archive: DebianArchive
  ) async throws -> (compiler: [DebianPackage], libraries: [DebianPackage]) {
    let requests = (SDKContent.compilerRequest(), SDKContent.libraryRequest(for: architecture))
    do {
      let found = try await archive.packages(for: [requests.0, requests.1])
      return (
        SDKContent.compilerPackages(among: found[requests.0] ?? []),
        SDKContent.libraryPackages(among: found[requests.1] ?? [])
      )
    } catch let failure as ArchiveFailure {
      guard case .indexExpired = failure else { throw failure }
      throw SDKFailure.expiredIndex(problem: failure.problem)
    }
  }

  private func make(
    _ architecture: Architecture, compiler: [DebianPackage], libraries: [DebianPackage], archive: DebianArchive
  ) async throws -> DebianSDK {
    var sdk = DebianSDK(
      architecture: architecture, version: libraries.first { $0.name == "swiftlang" }?.version ?? "",
      suite: SDKContent.suite, size: 0, made: Int64(Date().timeIntervalSince1970), identity: Digest(of: ""))
    let bundle = try SDKBundle(architecture: architecture, triple: sdk.triple).files()
    var key = CacheKey("swift-sdk 1")
    key.add(architecture.rawValue)
    for (packages, unneeded) in [
      (compiler, SDKContent.unneededInCompiler), (libraries, SDKContent.unneededInLibraries),
    ] {
      key.add(packages.map(\.sha256.text))
      key.add(unneeded)
    }
    for (path, bytes) in bundle.sorted(by: { $0.key < $1.key }) { key.add([path, Digest(of: bytes).text]) }
    sdk.identity = key.hash
    let folder = try await cache.result(DebianSDKs.kind, sdk.identity) { [sdk] place in
      try await progress.step("fetch packages") { _ = try await archive.files(of: compiler + libraries) }
      let root = place.appending(path: "root")
      try await progress.step("unpack packages") {
        let sysroot = root.appending(path: SDKBundle.sysroot)
        try await unpack(
          compiler.map { ($0, SDKContent.unneededInCompiler, root) }
            + libraries.map { ($0, SDKContent.unneededInLibraries, sysroot) }, archive: archive)
      }
      try Self.complete(root, bundle: bundle)
      try await progress.step("build a program for \(architecture.title)") { try await prove(sdk, in: root) }
      var record = sdk
      record.size = FolderTree.size(of: place.path)
      try FolderTree.replaceFile(place.appending(path: "sdk.json").path, with: try ReadableJSON.encode(record))
    }
    return try JSONDecoder().decode(
      DebianSDK.self, from: Data(try FolderTree.readFile(folder.appending(path: "sdk.json").path)))
  }

  /// Unpacks archives in parallel, the largest first, each into its tree and without the files that are not needed
  /// there.
  private func unpack(
    _ items: [(package: DebianPackage, unneeded: [String], tree: URL)], archive: DebianArchive
  ) async throws {
    for tree in Set(items.map(\.tree)) {
      for name in ["bin", "lib", "lib64", "sbin"] {
        try FolderTree.create(tree.appending(path: "usr/\(name)").path)
        // The links of a merged `/usr`. The package that makes them is not a part of the SDK.
        try Self.link("usr/\(name)", at: tree.appending(path: name))
      }
    }
    // The exit status of a pipe is that of its last program, and tar detects incomplete input.
    let script = """
      archive=$1 tree=$2; shift 2
      dpkg-deb --fsys-tarfile "$archive" | tar -x -p --no-same-owner --keep-directory-symlink --warning=no-timestamp \
        -C "$tree" --anchored "$@"
      """
    var commands: [HostCommand] = []
    for item in items.sorted(by: { $0.package.size > $1.package.size }) {
      let file = try await archive.files(of: [item.package])[0].path
      commands.append(
        HostCommand(
          .shell, ["-euc", script, "sh", file, item.tree.path] + item.unneeded.map { "--exclude=\($0)" },
          to: "unpack \(item.package.label)"))
    }
    try await SideBySide.run(commands) { try await $0.run() }
  }

  /// Adds the parts that no package contains: the bundle, a linker for manifests and macros, the path where the
  /// compiler looks for the target's libraries, and mount points for the sandbox.
  private static func complete(_ root: URL, bundle: [String: [UInt8]]) throws {
    for name in ["dev", "proc", "run", "tmp"] { try FolderTree.create(root.appending(path: name).path) }
    try link(
      "../libexec/swift/lib/swift_static", at: root.appending(path: "\(SDKBundle.sysroot)/usr/lib/swift_static"))
    try link("ld.lld", at: root.appending(path: "\(SDKContent.tools)/ld"))
    for (path, bytes) in bundle {
      let file = root.appending(path: path)
      try FolderTree.create(file.deletingLastPathComponent().path)
      try FolderTree.replaceFile(file.path, with: bytes)
    }
  }

  private static func link(_ target: String, at place: URL) throws {
    guard symlink(target, place.path) == 0 else { throw FileFailure.last("make the link", place.path) }
  }

  /// Builds a small program as a test: the archive changes, and a later version may need a file that is left out.
  private func prove(_ sdk: DebianSDK, in root: URL) async throws {
    try await cache.withScratch { scratch in
      let package = scratch.appending(path: "package")
      try FolderTree.create(package.appending(path: "Sources/proof").path)
      let manifest = """
        // swift-tools-version: 6.0
        import PackageDescription
        let package = Package(name: "proof", targets: [.executableTarget(name: "proof")])

        """
      try FolderTree.replaceFile(package.appending(path: "Package.swift").path, with: manifest.utf8)
      try FolderTree.replaceFile(
        package.appending(path: "Sources/proof/main.swift").path, with: "print(\"proof\")\n".utf8)
      do {
        let build = SandboxedBuild(
          sdk: sdk, root: root, package: package, sources: [package.path], scratch: scratch.appending(path: "build"))
        _ = try await build.run(["-c", "release"], in: try Sandbox(scratch: scratch), to: "build a program")
      } catch let failure as CommandFailure {
        throw SDKFailure.unusable(version: sdk.version, problem: failure.problem)
      }
    }
  }
}
