import DebianArchive
import DiskImage
import FoundationEssentials
import HostSystem
import Lock
import Project
import SystemBuild

/// The work that a build of an image would do.
public struct ImagePlan: Sendable, Encodable {
  public var image: String
  /// True if the lock file names every package. If not, the other properties are incomplete.
  public var isLocked: Bool
  /// Number of packages.
  public var packages: Int
  /// Number of packages whose archives are not in the cache.
  public var packagesToFetch: Int
  /// Size of those archives in bytes.
  public var bytesToFetch: Int64
  /// The pieces of work that make the root file system, in the order of the build.
  public var pieces: [PlannedPiece]
}

extension ImageBuilder {
  /// Plans a build. Fetches and builds nothing.
  ///
  /// - Parameter system: The definition of the image's system; `nil` for an appliance.
  /// - Throws: ``ImageFailure``, `ArchiveFailure`, `FileFailure`, `SandboxFailure`.
  public func plan(_ image: ImageDefinition, system: SystemDefinition? = nil) async throws -> ImagePlan {
    let device = DeviceClass(image.device)
    // Errors that a build would report first.
    _ = try executables.file(for: device.architecture)
    try checkMachine(for: image)
    try ProvisionerArchive.check(image, image.formats)
    var plan = ImagePlan(
      image: image.name, isLocked: false, packages: 0, packagesToFetch: 0, bytesToFetch: 0, pieces: [])
    var packages: [DebianPackage] = []
    if let system {
      let base = try await existingBase(of: system, device: device)
      if let missing = base.missing {
        plan.pieces = [PlannedPiece(title: "import of the base \(missing)", isCached: false)]
        return plan
      }
      let needs = try SystemNeeds(
        image, system, suite: try suite(of: system, base.root), device: device, base: base.root)
      guard let stages = await archive.lockedPackages(for: needs.request) else { return plan }
      guard let others = await locked(needs.others) else { return plan }
      packages = stages.flatMap(\.self) + others
      let time = try await buildTime()
      plan.pieces = try await cache.withScratch { scratch in
        let builder = try SystemBuilder(
          archive: archive, cache: cache, progress: progress, scratch: scratch, epoch: time, base: base.root)
        let locked = LockedSystem(
          image: image, system: system, device: device, base: base.root, needs: needs, stages: stages, epoch: time)
        let complete = try await complete(locked, by: builder).system
        return try await builder.rehearse(complete, request: needs.request, packages: stages).pieces
      }
    } else {
      let programs = SystemPrograms(image, users: try UserIDs(names: image.programs.map(\.user)))
      let requests = PackageRequests(image: image, project: project, device: device, system: programs)
      guard let found = await locked(requests.all) else { return plan }
      packages = found
    }
    plan.isLocked = true
    let distinct = Set(packages)
    let missing = archive.missing(distinct)
    plan.packages = distinct.count
    plan.packagesToFetch = missing.count
    plan.bytesToFetch = missing.reduce(0) { $0 + $1.size }
    return plan
  }

  private func locked(_ requests: [PackageRequest]) async -> [DebianPackage]? {
    var packages: [DebianPackage] = []
    for request in requests {
      guard let found = await lock.packages(of: request) else { return nil }
      packages += found
    }
    return packages
  }

  /// Builds a system's root and passes a command that opens a shell in it to `body`, which runs the command.
  ///
  /// - Parameter command: The command to run in the root; empty for a shell.
  public func withShell(
    _ image: ImageDefinition, system: SystemDefinition, command: [String],
    _ body: (_ program: String, _ arguments: [String], _ environment: [String: String]) async throws -> Void
  ) async throws {
    let device = DeviceClass(image.device)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)
    let stages = try await lookingUp(for: image, system) { try await archive.packages(for: needs.request) }
    let time = try await buildTime()
    let foreign = try await foreignPrograms(needs)
    try await cache.withScratch { scratch in
      let builder = try SystemBuilder(
        archive: archive, cache: cache, progress: progress, scratch: scratch, epoch: time, base: base, foreign: foreign)
      let locked = LockedSystem(
        image: image, system: system, device: device, base: base, needs: needs, stages: stages, epoch: time)
      let complete = try await complete(locked, by: builder).system
      let root = try await builder.build(complete, request: needs.request, packages: stages)
      await progress.finish()
      try cache.synchronise()
      let session = try root.shell(command)
      try await body(session.program, session.arguments, session.environment)
    }
  }
}
