import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Sandbox

/// Runs the programs of a system with another architecture than the build host: an emulator, and native twins.
public struct ForeignPrograms: Sendable {
  /// The package of QEMU's user-space emulators. It comes from the suite of the tools, not from the host, because newer
  /// versions are faster, by a factor of two to three over the years.
  private static let emulatorPackage = "qemu-user"

  let target: Sandbox.Emulation.Target
  let emulator: URL
  /// Native twins; `nil` if all programs are emulated.
  let twins: NativeTwins?

  /// The packages needed from the Debian archive.
  public struct Needs: Sendable {
    let target: Sandbox.Emulation.Target
    let emulator: PackageRequest
    let twins: PackageRequest

    public var requests: [PackageRequest] { [emulator, twins] }
  }

  /// The needs of a system; `nil` if this host can run its programs without emulation.
  ///
  /// - Parameters:
  ///   - architecture: Debian architecture of the system.
  ///   - suite: Suite of the system, from which twins come too.
  public static func needs(for architecture: String, suite: String) -> Needs? {
    guard architecture != Architecture.host.rawValue, let target = Sandbox.Emulation.Target(rawValue: architecture)
    else { return nil }
    return Needs(
      target: target,
      emulator: PackageRequest(
        [emulatorPackage], scope: .named, suite: ToolTree.suite, architecture: Architecture.host.rawValue),
      twins: NativeTwins.request(suite: suite))
  }

  /// Prepares the emulator and the twins, or finds them in the cache.
  ///
  /// - Parameters:
  ///   - packages: Packages for the requests of `needs`.
  ///   - hasTwins: True to use native twins. Without them the result is the same but takes longer.
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

  /// Unpacks one emulator from the package, which contains emulators for all architectures.
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

  /// The emulation for sandboxes.
  var emulation: Sandbox.Emulation { Sandbox.Emulation(of: target, by: emulator) }
}
