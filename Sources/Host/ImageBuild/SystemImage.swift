import BaseImport
import BootFlow
import DebianArchive
import DeviceModel
import DiskImage
import FoundationEssentials
import Hashing
import HostSystem
import Lock
import Project
import RootFilesystem
import SystemBuild

extension ImageBuilder {
  /// The packages that a system needs from the Debian archive.
  struct SystemNeeds {
    var request: InstallationRequest
    var checker: PackageRequest
    var loaders: [PackageRequest]
    /// Needs of an emulator for the system's programs; `nil` if this host can run them.
    var foreign: ForeignPrograms.Needs?

    /// All requests except the one for the system's own packages.
    var others: [PackageRequest] { [checker, ToolTree.request] + loaders + (foreign?.requests ?? []) }

    init(
      _ image: ImageDefinition, _ system: SystemDefinition, suite: String, device: DeviceClass, base: BaseRoot?
    ) throws {
      let architecture = device.architecture.rawValue
      let kernel = base?.kernel(for: image) == nil ? Self.kernelPackage(image, device) : nil
      request = try SystemBuilder.request(
        system, suite: suite, architecture: architecture, kernel: kernel, base: base)
      checker = PackageRequest(["e2fsck-static"], scope: .named, suite: suite, architecture: architecture)
      loaders = BootLoaderFiles.request(
        architecture: device.architecture, kind: image.loader,
        boardPackages: device.board?.packages(image.loader) ?? [])
      foreign = ForeignPrograms.needs(for: architecture, suite: suite)
    }

    /// The package of a system's kernel. The project file allows no other kind of kernel for a system.
    static func kernelPackage(_ image: ImageDefinition, _ device: DeviceClass) -> String {
      guard case .debian(let package?, _) = image.kernel.source else { return device.kernelPackage }
      return package
    }
  }

  /// Builds an image with a distribution.
  func buildSystem(_ system: SystemDefinition, _ basis: ImageBasis) async throws -> BuildManifest {
    let (image, device) = (basis.image, basis.device)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)

    let stages = try await progress.step("resolve packages") { try await archive.packages(for: needs.request) }
    let others = try await archive.packages(for: needs.others)
    let toolPackages = others[ToolTree.request] ?? []
    let epoch = try await buildTime()
    let locked = LockedSystem(
      image: image, system: system, device: device, base: base, needs: needs, stages: stages, epoch: epoch)
    let resolved = ResolvedSystem(basis: basis, locked: locked, others: others)

    return try await cache.withScratch { scratch in
      func builder(_ foreign: ForeignPrograms? = nil) throws -> SystemBuilder {
        try SystemBuilder(
          archive: archive, cache: cache, progress: progress, scratch: scratch, epoch: epoch, base: base,
          foreign: foreign)
      }
      let (complete, identity) = try await complete(locked, by: try builder())
      let rehearsal = try await builder().rehearse(complete, request: needs.request, packages: stages)
      let key = try buildKey(of: resolved, identity: identity, root: rehearsal.key)
      if let manifest = basis.folder.manifest(ofBuild: key, basis.request) { return manifest }

      // Installing packages leaves a processor idle.
      try await ToolTree.fetch(toolPackages, archive: archive, cache: cache)
      var builder = try builder(try await foreignPrograms(needs))
      async let decompressor = Decompressor(of: toolPackages, archive: archive, cache: cache)
      try await builder.prepare(stages)
      builder.decompressor = try await decompressor
      let (milestones, milestone) = AsyncStream<SystemBuilder.Milestone>.makeStream()
      async let preparing = prepareBoot(of: resolved, milestones, keptIn: try builder.ownCache())
      let root = try await builder.build(complete, request: needs.request, packages: stages) {
        milestone.yield($0)
      }
      async let archiving: Void = progress.step("archive the root file system") { try await root.writeArchive() }
      async let examined = progress.step("examine the root file system") {
        try await root.examine(system, position: image.position)
      }
      let listing = try await root.list()
      if !listing.privateKeys.isEmpty {
        await progress.warning(
          "the image contains private keys, which everyone with the image can read: "
            + listing.privateKeys.joined(separator: ", "),
          remedy: "remove them in a step, and let each device make its own keys at first boot")
      }
      async let entries = root.entries(listing)
      let prepared = try await preparing
      // The file system is made from the archive while the archive is being written.
      let source = RootSource.archive(
        root.archive, identity: root.key, contentSize: listing.contentSize, entries: listing.count)
      let disk = try await DiskParts(
        prepared.parts, root: source, tools: prepared.tools, cache: cache, progress: progress
      ) { prepared.boot }
      try await archiving
      for finding in try await examined {
        await progress.warning(finding.inOneLine(relativeTo: .currentDirectory()), remedy: finding.hint ?? "")
      }
      let finished = FinishedRoot(
        identity: identity, source: source, contents: try await entries, kernel: prepared.kernel.label,
        firmware: prepared.modules.firmware, packages: locked.packageRows,
        system: .init(definition: complete, base: base))
      let written = try await write(finished, on: disk, prepared.parts, basis, tools: prepared.tools)
      try await progress.step("steps after the image") {
        try await root.runImageSteps(
          of: system.layers, in: basis.folder.folder,
          beside: written.artefacts.map(\.name) + [basis.folder.manifest.lastPathComponent])
      }
      try basis.folder.note(build: key, basis.request)
      return written
    }
  }

  /// The hash of everything that the artefacts of a system depend on.
  ///
  /// - Parameter root: The key of the root, which covers packages and layers.
  private func buildKey(
    of resolved: ResolvedSystem, identity: ImageIdentity, root: Digest
  ) throws -> Digest {
    let basis = resolved.basis
    var key = CacheKey("system 2")
    key.add([root.text, try Digest(ofFile: basis.executable.path).text])
    key.add(ToolTree.identity(of: resolved.others[ToolTree.request] ?? []))
    key.add(basis.device.identity)
    key.add(basis.layout.identity)
    key.add(identity.fields)
    key.add(basis.image.kernel.identity)
    key.add(project.release.identity + (basis.signer?.keyIDs ?? []))
    key.add(resolved.kernelArguments)
    key.add(resolved.locked.system.layers.flatMap(\.bootModules).map(\.value))
    key.add(Digest(of: try PlanText.encode(resolved.bootPlan)))
    key.add(basis.image.formats.map(\.rawValue).sorted())
    if let splash = basis.image.splash { key.add(try Digest(ofFile: splash.path)) }
    key.add(
      ([resolved.locked.needs.checker] + resolved.locked.needs.loaders).flatMap { resolved.others[$0] ?? [] }.map(
        \.sha256.text
      )
      .sorted())
    return key.hash
  }

  /// Resolves the packages of a system and locks them. Builds nothing.
  func resolveSystem(_ image: ImageDefinition, _ system: SystemDefinition) async throws {
    let device = DeviceClass(image.device)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)
    _ = try await lookingUp(for: image, system) { try await archive.packages(for: needs.request) }
    _ = try await archive.packages(for: needs.others)
  }

  /// Prepares an emulator for the programs of a system; returns `nil` if this host can run them.
  func foreignPrograms(_ needs: SystemNeeds) async throws -> ForeignPrograms? {
    guard let foreign = needs.foreign else { return nil }
    let packages = try await archive.packages(for: foreign.requests)
    return try await progress.step("prepare for programs of another architecture") {
      try await ForeignPrograms(foreign, packages, archive: archive, cache: cache)
    }
  }

  /// Adds Cultivar's own layer to the end of a system, and computes the hash of the build.
  ///
  /// - Parameter builder: Computes the hash of a root without building it.
  func complete(
    _ locked: LockedSystem, by builder: SystemBuilder
  ) async throws -> (system: SystemDefinition, identity: ImageIdentity) {
    let (image, system, device) = (locked.image, locked.system, locked.device)
    var identity = identity(of: image)
    let rows = locked.packageRows
    func complete() throws -> SystemDefinition { try self.complete(locked, as: identity, packages: rows) }
    // The hash leaves out itself, and the secrets, whose hashes differ between caches.
    var key = CacheKey("system image 3")
    key.add(
      try await builder.rehearse(try complete(), request: locked.needs.request, packages: locked.stages)
        .keyWithoutSecrets)
    key.add(try Digest(ofFile: try executables.file(for: device.architecture).path))
    // Not the whole kernel definition: its source positions contain the path of the project's folder.
    key.add(Layout(of: image).identity)
    key.add(image.kernel.identity)
    key.add(device.kernelArguments(image.loader) + Self.kernelArguments(Layout(of: image).scheme))
    key.add(try device.firmware(of: image, system)?.identity ?? [])
    key.add(system.layers.flatMap(\.kernelArguments))
    key.add(system.layers.flatMap(\.bootModules).map(\.value))
    key.add(["persisted"] + system.layers.flatMap(\.persistedPaths).map(\.path))
    identity.build = key.hash.text
    return (try complete(), identity)
  }

  /// Adds Cultivar's own layer to the end of a system.
  private func complete(
    _ locked: LockedSystem, as identity: ImageIdentity, packages: [BuildManifest.PackageRow]
  ) throws -> SystemDefinition {
    let (image, system) = (locked.image, locked.system)
    var complete = system
    let executable = try executables.file(for: locked.device.architecture)
    let own = OwnLayer(
      image: image, identity: identity, system: system, packages: packages,
      updates: try DeviceUpdates(image, system, of: project.release).map {
        UpdateSoftware(
          $0, executable: executable, time: locked.epoch, management: image.management)
      })
    complete.layers.append(try own.layer())
    return complete
  }

  /// The timestamp of everything in the image, in seconds since 1970: that of the environment, or that of the newest
  /// package index used.
  func buildTime() async throws -> Int64 {
    if let given = try givenTime() { return given }
    return await lock.archiveDate
  }

  /// A system whose base and packages are known.
  struct LockedSystem: Sendable {
    var image: ImageDefinition
    var system: SystemDefinition
    var device: DeviceClass
    /// The base; `nil` for a system of packages alone.
    var base: BaseRoot?
    var needs: SystemNeeds
    /// Packages of each stage.
    var stages: [[DebianPackage]]
    /// Timestamp of everything in the image, in seconds since 1970.
    var epoch: Int64

    /// All packages of the system, including those of its base, by name.
    var packageRows: [BuildManifest.PackageRow] {
      let ofBase = needs.request.remaining(of: base?.facts.packages ?? [], below: stages)
      let rows =
        needs.request.remaining(of: stages).map(BuildManifest.PackageRow.init)
        + ofBase.map(BuildManifest.PackageRow.init)
      return rows.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }
  }

  /// A system of which all packages are known that a build needs.
  private struct ResolvedSystem: Sendable {
    var basis: ImageBasis
    var locked: LockedSystem
    /// Other packages that the build takes files from.
    var others: [PackageRequest: [DebianPackage]]

    var kernelArguments: [String] {
      basis.device.kernelArguments(basis.image.loader) + ImageBuilder.kernelArguments(basis.layout.scheme)
        + locked.system.layers.flatMap(\.kernelArguments)
        + basis.image.kernel.arguments
    }

    var bootPlan: BootPlan {
      basis.bootPlan(
        nextInit: ["/usr/lib/systemd/systemd"],
        persistedPaths: Set(locked.system.layers.flatMap(\.persistedPaths).map(\.path)))
    }
  }

  /// The boot partition of a system, the parts that it was made from, and the tools.
  private struct PreparedBoot: Sendable {
    var tools: ToolTree
    var kernel: KernelFiles
    /// Modules in the initial RAM file system.
    var modules: KernelModules
    var parts: ImageParts
    var boot: BootPart
  }

  /// Makes the initial RAM file system and the boot partition while packages are being installed, which leaves a
  /// processor idle.
  private func prepareBoot(
    of resolved: ResolvedSystem, _ milestones: AsyncStream<SystemBuilder.Milestone>, keptIn ownCache: Cache
  ) async throws -> PreparedBoot {
    var unpacked: ToolTree?
    var installed: KernelFiles?
    for await milestone in milestones {
      switch milestone {
      case .idle:
        unpacked = try await progress.step("prepare the tools") { try await ToolTree(archive: archive, cache: cache) }
      case .kernel(let folder) where installed == nil: installed = try kernel(of: resolved, in: folder)
      case .kernel: continue
      }
      if unpacked != nil, installed != nil { break }
    }
    // A milestone is missing only if the installation failed, which has cancelled this task too.
    guard let tools = unpacked, let kernel = installed else { throw CancellationError() }
    let (modules, initialRAM) = try await initialRAM(of: resolved, kernel: kernel, tools: tools)
    var parts = try resolved.basis.parts(
      kernel: kernel, initialRAM: initialRAM, arguments: resolved.kernelArguments, epoch: resolved.locked.epoch,
      ownCache: ownCache)
    let firmware = resolved.basis.device.board?.packages(resolved.basis.image.loader) ?? []
    parts.firmwarePackages = resolved.locked.stages.flatMap(\.self).filter { firmware.contains($0.name) }
    let boot = try await BootPart(parts, archive: archive, tools: tools, cache: cache, progress: progress)
    return PreparedBoot(tools: tools, kernel: kernel, modules: modules, parts: parts, boot: boot)
  }

  /// Makes the initial RAM file system, and returns the modules in it.
  private func initialRAM(
    of resolved: ResolvedSystem, kernel: KernelFiles, tools: ToolTree
  ) async throws -> (modules: KernelModules, file: URL) {
    try await progress.step("initial RAM file system") {
      let layers = resolved.locked.system.layers
      let wished = layers.flatMap(\.bootModules)
      let modules: KernelModules
      do {
        modules = try await KernelModules(
          names: resolved.basis.neededModules + wished.map(\.value), optional: resolved.basis.device.bootModules,
          source: kernel.modules ?? URL(fileURLWithPath: "/nonexistent"), identity: kernel.identity, tools: tools,
          cache: cache)
      } catch let failure as KernelModuleFailure {
        throw failure.problems(of: wished) ?? failure
      }
      let tree = try InitialRAMTree.make(
        plan: resolved.bootPlan, executable: resolved.basis.executable, modules: modules,
        checker: try await checker(resolved.locked.needs.checker, resolved.others), splash: resolved.basis.image.splash)
      return (
        modules,
        try await FileSystemImage(tools: tools, cache: cache, epoch: resolved.locked.epoch).initialRAM(
          tree, isCompressed: resolved.basis.image.kernel.compressesInitialRAM)
      )
    }
  }

  /// The kernel of the base or of the installed packages.
  private func kernel(of resolved: ResolvedSystem, in folder: URL) throws -> KernelFiles {
    if let kernel = resolved.locked.base?.kernel(for: resolved.basis.image) { return kernel }
    let images = resolved.locked.stages[SystemBuilder.kernelStage].filter { KernelPackages.isPart($0.name) }
    guard let kernel = KernelFiles(installedIn: folder, by: images) else {
      throw ImageFailure.noKernel(SystemNeeds.kernelPackage(resolved.basis.image, resolved.basis.device))
    }
    return kernel
  }
}
