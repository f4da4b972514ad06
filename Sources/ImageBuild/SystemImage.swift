import BaseImport
import BootFlow
import DebianArchive
import DeviceModel
import DiskImage
import Foundation
import HostSystem
import Lock
import Project
import RootFilesystem
import SystemBuild

extension ImageBuilder {
  /// What a system needs of the Debian archive.
  struct SystemNeeds {
    var request: InstallationRequest
    var checker: PackageRequest
    var loaders: [PackageRequest]
    /// What runs the system's programs where this host does not.
    var foreign: ForeignPrograms.Needs?

    /// Everything besides the system's own packages.
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
        architecture: device.architecture, kind: BootLoaderFiles.Kind(image.loader))
      foreign = ForeignPrograms.needs(for: architecture, suite: suite)
    }

    /// The package of a system's kernel; the project file has no other kinds of kernel for it.
    static func kernelPackage(_ image: ImageDefinition, _ device: DeviceClass) -> String {
      guard case .debian(let package?, _) = image.kernel.source else { return device.kernelPackage }
      return package
    }
  }

  /// Builds an image with a distribution into a folder.
  func buildSystem(
    _ image: ImageDefinition, _ system: SystemDefinition, into output: URL, _ request: ArtefactRequest
  ) async throws -> BuildManifest {
    _ = try givenTime()
    let device = DeviceClass(of: image)
    let executable = try executables.file(for: device.architecture)
    let layout = layout(of: image)
    _ = try DeviceUpdates(image, system, of: project.release)
    try checkMachine(forSystem: true)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)

    let stages = try await progress.step("resolve packages") { try await archive.packages(for: needs.request) }
    let others = try await archive.packages(for: needs.others)
    let toolPackages = others[ToolTree.request] ?? []
    let epoch = try await buildTime()
    var identity = identity(of: image, device: device)
    let packages = packageRows(needs.request, stages, base)
    let complete = try complete(system, image, device: device, packages: packages, time: epoch)

    return try await cache.withScratch { scratch in
      func builder(_ foreign: ForeignPrograms? = nil) throws -> SystemBuilder {
        try SystemBuilder(
          archive: archive, cache: cache, progress: progress, scratch: scratch, epoch: epoch, base: base,
          foreign: foreign)
      }
      let folder = ArtefactFolder(output, name: image.name)
      let rehearsal = try await builder().rehearse(complete, request: needs.request, packages: stages)
      var all = CacheKey("system 1")
      all.add([rehearsal.key.text, try ContentHash(ofFile: executable.path).text])
      all.add(ToolTree.identity(of: toolPackages))
      all.add("\(device) \(layout) \(identity) \(image.kernel) \(project.release)")
      all.add(system.layers.flatMap(\.kernelArguments) + ["modules"] + system.layers.flatMap(\.bootModules))
      all.add(ContentHash(of: try PlanText.encode(systemBootPlan(system, layout))))
      all.add(image.formats.map(\.rawValue).sorted() + request.identity)
      all.add(([needs.checker] + needs.loaders).flatMap { others[$0] ?? [] }.map(\.sha256.text).sorted())
      if let manifest = folder.manifest(ofBuild: all.hash) { return manifest }

      // Installing packages leaves a processor idle.
      try await ToolTree.fetch(toolPackages, archive: archive, cache: cache)
      var builder = try builder(try await foreignPrograms(needs))
      async let decompressor = Decompressor(of: toolPackages, archive: archive, cache: cache)
      try await builder.prepare(stages)
      builder.decompressor = try await decompressor
      let (milestones, milestone) = AsyncStream<SystemBuilder.Milestone>.makeStream()
      let ownCache = try builder.ownCache()
      let arguments =
        device.kernelArguments + Self.kernelArguments + system.layers.flatMap(\.kernelArguments)
        + image.kernel.arguments
      async let preparing = bootParts(
        image, system, layout, device: device, milestones: milestones, base: base, packages: stages,
        executable: executable, checker: (needs.checker, others), epoch: epoch
      ) { kernel, initialRAM in
        ImageParts(
          image: ImageName(project: project.name, image: image.name), device: device, layout: layout,
          version: project.version, loader: image.loader, kernel: kernel, initialRAM: initialRAM,
          arguments: arguments, epoch: epoch, ownCache: ownCache)
      }
      let root = try await builder.build(complete, request: needs.request, packages: stages) {
        milestone.yield($0)
      }
      async let archiving: Void = progress.step("archive the root file system") { try await root.writeArchive() }
      let prepared = try await preparing
      let (parts, kernel) = (prepared.parts, prepared.kernel)
      var key = CacheKey("system image 1")
      key.add(root.key)
      key.add(try ContentHash(ofFile: parts.initialRAM.path))
      key.add(try ContentHash(ofFile: parts.kernel.path))
      key.add(arguments)
      key.add("\(layout)")
      identity.build = key.hash.text

      // File systems are made of the archive while it is written.
      let listing = try await root.list()
      let source = RootSource.archive(
        root.archive, identity: root.key, contentSize: listing.contentSize, entries: listing.count)
      async let entries = root.entries(listing)
      let disk = try await DiskParts(
        parts, root: source, tools: prepared.tools, cache: cache, progress: progress
      ) { prepared.boot }
      try await archiving
      var manifest = try BuildManifest(
        identity: identity, epoch: epoch, kernel: kernel.label, firmware: prepared.modules.firmware, layout: layout,
        table: disk.image.table, packages: packages, programs: [:], sizes: try disk.sizes())
      manifest.base = base.map { .init(name: $0.name, sha256: $0.image) }
      (manifest.layers, manifest.variables) = (complete.layers.map(\.name), complete.openVariables)
      let rootArchive = RootArchive(
        source, time: epoch, architecture: device.architecture, name: "\(image.name):\(project.version)")
      let artefacts = try ImageArtefacts(
        name: image.name, disk: disk.image,
        contents: try await entries, recipe: SystemRecipe(identity: identity, system: complete),
        root: rootArchive, bundle: try ReleaseBundle(parts, files: disk.slotFiles, project.release),
        tools: prepared.tools
      ).list(image.formats, request, in: folder)
      let written = try await folder.write(artefacts, manifest: manifest, progress: progress)
      try await progress.step("steps after the image") { try await root.runImageSteps(of: system.layers, in: output) }
      try folder.note(build: all.hash)
      return written
    }
  }

  /// Looks up the packages of a system and locks them; nothing is built.
  func resolveSystem(_ image: ImageDefinition, _ system: SystemDefinition) async throws {
    let device = DeviceClass(of: image)
    let base = try await base(of: system, device: device)
    let needs = try SystemNeeds(image, system, suite: try suite(of: system, base), device: device, base: base)
    _ = try await archive.packages(for: needs.request)
    _ = try await archive.packages(for: needs.others)
  }

  /// Prepares what runs the programs of a system; `nil` where this host does.
  func foreignPrograms(_ needs: SystemNeeds) async throws -> ForeignPrograms? {
    guard let foreign = needs.foreign else { return nil }
    let packages = try await archive.packages(for: foreign.requests)
    return try await progress.step("prepare for programs of another architecture") {
      try await ForeignPrograms(foreign, packages, archive: archive, cache: cache)
    }
  }

  /// What an image is, before it is built.
  private func identity(of image: ImageDefinition, device: DeviceClass) -> ImageIdentity {
    ImageIdentity(
      project: project.name, image: image.name, deviceClass: device.name, version: project.version, build: "")
  }

  /// A system with Cultivar's own layer at its end.
  func complete(
    _ system: SystemDefinition, _ image: ImageDefinition, device: DeviceClass, packages: [BuildManifest.PackageRow],
    time: Int64
  ) throws -> SystemDefinition {
    var complete = system
    let executable = try executables.file(for: device.architecture)
    let own = OwnLayer(
      image: image, identity: identity(of: image, device: device), system: system, packages: packages,
      updates: try DeviceUpdates(image, system, of: project.release).map {
        UpdateSoftware(
          $0, executable: executable, time: time, management: image.management.map(ManagementPlan.init))
      })
    complete.layers.append(try own.layer())
    return complete
  }

  /// Time of everything in the image: the environment's, or that of the newest index that packages were taken from.
  func buildTime() async throws -> Int64 {
    if let given = try givenTime() { return given }
    return await lock.archiveDate
  }

  /// Without these nothing starts.
  private func systemModules(_ layout: Layout) -> [String] { [layout.rootFileSystem.rawValue, "ext4", "overlay"] }

  private func systemBootPlan(_ system: SystemDefinition, _ layout: Layout) -> BootPlan {
    BootPlan(
      partitions: layout.numbers, rootFileSystem: layout.rootFileSystem, overlay: .dropped,
      persistedPaths: Set(system.layers.flatMap(\.persistedPaths).map(\.path)).sorted(),
      modules: systemModules(layout), nextInit: ["/usr/lib/systemd/systemd"], nextInitEnvironment: [],
      dataMountOptions: layout.dataMountOptions.isEmpty ? nil : layout.dataMountOptions, deviceTimeout: 60,
      failureDelay: 10)
  }

  /// What is made while packages are still being installed, which leaves a processor idle.
  private struct Prepared: Sendable {
    var tools: ToolTree
    var kernel: KernelFiles
    /// Modules in the initial RAM file system.
    var modules: KernelModules
    var parts: ImageParts
    var boot: BootPart
  }

  /// Makes the tools, the initial RAM file system and the boot partition.
  ///
  /// - Parameter parts: Gives what the image is made of, for a kernel and an initial RAM file system.
  private func bootParts(
    _ image: ImageDefinition, _ system: SystemDefinition, _ layout: Layout, device: DeviceClass,
    milestones: AsyncStream<SystemBuilder.Milestone>, base: BaseRoot?, packages: [[DebianPackage]], executable: URL,
    checker: (request: PackageRequest, packages: [PackageRequest: [DebianPackage]]), epoch: Int64,
    parts: @Sendable (_ kernel: URL, _ initialRAM: URL) -> ImageParts
  ) async throws -> Prepared {
    var unpacked: ToolTree?
    var installed: KernelFiles?
    for await milestone in milestones {
      switch milestone {
      case .idle:
        unpacked = try await progress.step("prepare the tools") { try await ToolTree(archive: archive, cache: cache) }
      case .kernel(let folder) where installed == nil:
        installed = try base?.kernel(for: image) ?? systemKernel(image, in: folder, packages: packages, device: device)
      case .kernel: continue
      }
      if unpacked != nil, installed != nil { break }
    }
    // One of them does not come where the installing failed, which has ended this work as well.
    guard let tools = unpacked, let kernel = installed else { throw CancellationError() }
    let (modules, initialRAM) = try await initialRAM(
      image, system, layout, device: device, kernel: kernel, executable: executable,
      checker: try self.checker(checker.request, checker.packages), tools: tools, epoch: epoch)
    let parts = parts(kernel.kernel, initialRAM)
    let boot = try await BootPart(parts, archive: archive, tools: tools, cache: cache, progress: progress)
    return Prepared(tools: tools, kernel: kernel, modules: modules, parts: parts, boot: boot)
  }

  /// Makes the initial RAM file system, and says which modules are in it.
  private func initialRAM(
    _ image: ImageDefinition, _ system: SystemDefinition, _ layout: Layout, device: DeviceClass, kernel: KernelFiles,
    executable: URL,
    checker: URL, tools: ToolTree, epoch: Int64
  ) async throws -> (modules: KernelModules, file: URL) {
    try await progress.step("initial RAM file system") {
      let modules = try await KernelModules(
        names: systemModules(layout), optional: device.bootModules + system.layers.flatMap(\.bootModules),
        source: kernel.modules ?? URL(fileURLWithPath: "/nonexistent"), identity: kernel.identity, tools: tools,
        cache: cache)
      let tree = try InitialRAMTree.make(
        plan: systemBootPlan(system, layout), executable: executable, modules: modules, checker: checker)
      return (
        modules,
        try await FileSystemImage(tools: tools, cache: cache, epoch: epoch).initialRAM(
          tree, isCompressed: image.kernel.compressesInitialRAM)
      )
    }
  }

  /// The kernel that the packages brought.
  private func systemKernel(
    _ image: ImageDefinition, in folder: URL, packages: [[DebianPackage]], device: DeviceClass
  ) throws(ImageFailure) -> KernelFiles {
    let images = packages[SystemBuilder.kernelStage].filter { $0.name.hasPrefix("linux-image-") }
    guard let kernel = KernelFiles(installedIn: folder, by: images) else {
      throw .noKernel(SystemNeeds.kernelPackage(image, device))
    }
    return kernel
  }
}
