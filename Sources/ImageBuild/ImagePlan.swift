import DebianArchive
import DiskImage
import FoundationEssentials
import HostSystem
import Lock
import Project
import SystemBuild

/// What a build of an image would do.
public struct ImagePlan: Sendable, Encodable {
  /// Name of the image.
  public var image: String
  /// Whether the lock file names every package; where it does not, nothing is known of what follows from them.
  public var isLocked: Bool
  /// Packages.
  public var packages: Int
  /// Packages whose archives have to be fetched.
  public var packagesToFetch: Int
  /// Bytes of those archives.
  public var bytesToFetch: Int64
  /// The work upon the root file system, in the order of the build.
  public var pieces: [PlannedPiece]
}

extension ImageBuilder {
  /// Says what a build would do; nothing is fetched or built.
  ///
  /// - Parameter system: What the image's system is made of; `nil` for an appliance.
  /// - Throws: ``ImageFailure``, `ArchiveFailure`, `FileFailure`, `SandboxFailure`.
  public func plan(_ image: ImageDefinition, system: SystemDefinition? = nil) async throws -> ImagePlan {
    let device = DeviceClass(of: image)
    // What a build would refuse at once.
    _ = try executables.file(for: device.architecture)
    try checkMachine(for: image)
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
        let complete = try await complete(
          system, image, device: device, request: needs.request, packages: stages, base: base.root, time: time,
          by: builder
        ).system
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

  /// Opens a system's root to look around in: a command that the caller starts, while `body` runs.
  ///
  /// - Parameter command: What runs there; a shell where it is empty.
  public func withShell(
    _ image: ImageDefinition, system: SystemDefinition, command: [String],
    _ body: (_ program: String, _ arguments: [String], _ environment: [String: String]) async throws -> Void
  ) async throws {
    let device = DeviceClass(of: image)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)
    let stages = try await lookingUp(for: image, system) { try await archive.packages(for: needs.request) }
    let time = try await buildTime()
    let foreign = try await foreignPrograms(needs)
    try await cache.withScratch { scratch in
      let builder = try SystemBuilder(
        archive: archive, cache: cache, progress: progress, scratch: scratch, epoch: time, base: base, foreign: foreign)
      let complete = try await complete(
        system, image, device: device, request: needs.request, packages: stages, base: base, time: time, by: builder
      ).system
      let root = try await builder.build(complete, request: needs.request, packages: stages)
      await progress.finish()
      try cache.synchronise()
      let session = try root.shell(command)
      try await body(session.program, session.arguments, session.environment)
    }
  }
}
