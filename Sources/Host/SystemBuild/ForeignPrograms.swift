import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Sandbox

/// What runs the programs of a system whose architecture is not the build host's: an emulator, and native twins.
public struct ForeignPrograms: Sendable {
  /// The package of the emulator (QEMU's for user space) comes from the suite of the tools, and not from the host: each of its versions
  /// is faster than the one before, by two to three times over the years.
  private static let emulatorPackage = "qemu-user"

  let target: Sandbox.Emulation.Target
  let emulator: URL
  /// Native twins; `nil` where everything is to be emulated.
  let twins: NativeTwins?

  /// What is needed of the Debian archive.
  public struct Needs: Sendable {
    let target: Sandbox.Emulation.Target
    let emulator: PackageRequest
    let twins: PackageRequest

    /// The requests.
    public var requests: [PackageRequest] { [emulator, twins] }
  }

  /// What a system needs; nothing where this host runs its programs itself.
  ///
  /// - Parameters:
  ///   - architecture: Debian architecture of the system.
  ///   - suite: Suite of the system: twins are of the same one.
  public static func needs(for architecture: String, suite: String) -> Needs? {
    guard architecture != Architecture.host.rawValue, let target = Sandbox.Emulation.Target(rawValue: architecture)
    else { return nil }
    return Needs(
      target: target,
      emulator: PackageRequest(
        [emulatorPackage], scope: .named, suite: ToolTree.suite, architecture: Architecture.host.rawValue),
      twins: NativeTwins.request(suite: suite))
  }

  /// Makes what is needed, or finds it in the cache.
  ///
  /// - Parameters:
  ///   - packages: What the requests of `needs` came to.
  ///   - hasTwins: Whether native twins are used; the result is the same, and comes later without.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public init(
    _ needs: Needs, _ packages: [PackageRequest: [DebianPackage]], archive: DebianArchive, cache: Cache,
    hasTwins: Bool = true
  ) async throws {
    target = needs.target
    async let emulator = Self.emulator(
      packages[needs.emulator] ?? [], for: needs.target, archive: archive, cache: cache)
    twins =
      hasTwins
      ? try await NativeTwins(
        packages[needs.twins] ?? [], for: needs.target, archive: archive, cache: cache) : nil
    self.emulator = try await emulator
  }

  /// One program of the package, which has emulators for all architectures that there are.
  private static func emulator(
    _ packages: [DebianPackage], for target: Sandbox.Emulation.Target, archive: DebianArchive, cache: Cache
  ) async throws -> URL {
    let name = target.emulator
    var key = CacheKey("emulator 1")
    key.add(packages.map(\.sha256.text))
    key.add(name)
    let folder = try await cache.result("emulator", key.hash) { folder in
      for file in try await archive.files(of: packages) {
        try await HostCommand(
          .shell,
          [
            "-euc", "dpkg-deb --fsys-tarfile \"$1\" | tar -x -C \"$2\" --strip-components=3 \"./usr/bin/$3\"", "sh",
            file.path, folder.path, name,
          ], to: "unpack the emulator for \(target.rawValue)"
        ).run()
      }
    }
    return folder.appending(path: name)
  }

  /// How sandboxes run the programs.
  var emulation: Sandbox.Emulation { Sandbox.Emulation(of: target, by: emulator) }
}
