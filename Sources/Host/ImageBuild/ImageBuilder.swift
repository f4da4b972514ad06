import BootFlow
import DebianArchive
import DeviceModel
import DiskImage
import FoundationEssentials
import Hashing
import HostSystem
import Lock
import PartitionTable
import Programs
import Project
import RootFilesystem
import SystemBuild

/// Builds the images of a project. The result depends only on the project, the lock file and the sources of the
/// programs.
public struct ImageBuilder: Sendable {
  let project: ProjectDefinition
  let cache: Cache
  let lock: ProjectLock
  let archive: DebianArchive
  let executables: DeviceExecutable
  let progress: BuildProgress
  private let environment: [String: String]

  /// - Parameter environment: Environment of the build: mirrors, `SOURCE_DATE_EPOCH`.
  public init(
    project: ProjectDefinition, cache: Cache, lock: ProjectLock, executables: DeviceExecutable,
    progress: BuildProgress, environment: [String: String]
  ) {
    self.project = project
    self.cache = cache
    self.lock = lock
    self.executables = executables
    self.progress = progress
    self.environment = environment
    let mirror = Mirror.choose(
      project: (project.archive.mirror, project.archive.securityMirror), environment: environment,
      aptSources: Mirror.hostAptSources())
    archive = DebianArchive(
      cache: cache, mirror: mirror, lock: lock, acceptsExpiredIndex: project.archive.isSnapshot)
  }

  /// Returns the tools that make images. Fetches the tools that are not in the cache.
  ///
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public func tools() async throws -> ToolTree { try await ToolTree(archive: archive, cache: cache) }

  /// Returns the image with a name.
  ///
  /// - Throws: ``ImageFailure/noImage(_:available:)``.
  public func image(named name: String) throws(ImageFailure) -> ImageDefinition {
    guard let image = project.images.first(where: { $0.name == name }) else {
      throw .noImage(name, available: project.images.map(\.name))
    }
    return image
  }

  /// Builds one image and writes the disk image, the other requested artefacts and the manifest to a folder.
  ///
  /// - Parameters:
  ///   - system: The definition of the image's system; `nil` for an appliance.
  ///   - output: Folder for the artefacts; it is created if it does not exist.
  ///   - request: Artefacts in addition to those of the project.
  /// - Returns: The manifest of the build.
  /// - Throws: ``ImageFailure`` and the errors of the other modules. All of them have texts for the user.
  public func build(
    _ image: ImageDefinition, system: SystemDefinition? = nil, into output: URL,
    _ request: ArtefactRequest = ArtefactRequest()
  ) async throws -> BuildManifest {
    let basis = try await basis(of: image, system: system, into: output, request)
    if let system { return try await buildSystem(system, basis) }
    return try await buildAppliance(basis)
  }

  /// Returns the basis of a build, after all checks that need nothing fetched or built.
  private func basis(
    of image: ImageDefinition, system: SystemDefinition?, into output: URL, _ request: ArtefactRequest
  ) async throws -> ImageBasis {
    _ = try givenTime()
    let device = DeviceClass(image.device)
    let executable = try executables.file(for: device.architecture)
    let updates = try DeviceUpdates(image, system, of: project.release)
    try checkMachine(for: image)
    try ProvisionerArchive.check(image, image.formats + request.formats)
    if let splash = image.splash { _ = try InitialRAMTree.picture(splash) }
    let refusals = device.board?.refusals(image.loader, kernel: image.kernel.vendor) ?? []
    guard refusals.isEmpty else { throw ImageFailure.cannotStart(refusals, position: image.position) }
    return ImageBasis(
      image: image, identity: identity(of: image), device: device, firmware: try device.firmware(of: image, system),
      layout: Layout(of: image), executable: executable,
      updates: updates, signer: try await signer(for: image, request, updates: updates),
      folder: ArtefactFolder(output, name: image.name), request: request)
  }

  /// Returns the identity of an image that is not built yet. Its build id is empty.
  func identity(of image: ImageDefinition) -> ImageIdentity {
    ImageIdentity(
      project: project.name, image: image.name, deviceClass: image.device.rawValue, version: project.version,
      build: "")
  }

  private func buildAppliance(_ basis: ImageBasis) async throws -> BuildManifest {
    let (image, device) = (basis.image, basis.device)
    let users = try UserIDs(names: image.programs.map(\.user))
    let system = SystemPrograms(image, users: users)
    await progress.expect(7 + image.programs.count)

    let requests = PackageRequests(image: image, project: project, device: device, system: system)
    async let programs = buildPrograms(image.programs, for: device.architecture)
    let packages = try await progress.step("resolve packages") { try await archive.packages(for: requests.all) }
    let tools = try await progress.step("prepare the tools") { try await ToolTree(archive: archive, cache: cache) }
    let kernel = try await progress.step("fetch the kernel and its modules") {
      try await kernelParts(basis, for: system, tools: tools)
    }
    let epoch = try await buildTime()

    var identity = basis.identity
    var root = try RootTree(
      image: image, device: device, users: users, identity: identity, executable: basis.executable)
    // Missing files of packages are reported before programs are compiled, which can take minutes.
    root = try await addPackages(to: root, image, requests: requests, packages: packages)
    let built = try await programs
    try root.addConfiguration(system.configuration)
    if image.wireless != nil { try root.linkWirelessRules() }
    for program in image.programs { try root.add(program, executable: built[program.name]) }
    try root.addFiles(image.files, origin: "the project's files")
    if let modules = kernel.modules { try root.addModules(modules) }
    if let updates = basis.updates { try root.add(updates, identity, time: epoch) }
    if let management = image.management { try root.add(management) }
    try root.checkLibraries()

    let own = image.initProgram
    let bootPlan = basis.bootPlan(
      nextInit: own.map { [PlannedPrograms.installedPath($0)] + $0.arguments } ?? [DevicePaths.initProgram],
      environment: own?.environment ?? [:])
    let initialRAM = try InitialRAMTree.make(
      plan: bootPlan, executable: basis.executable, modules: kernel.bootModules,
      checker: try await checker(requests.checker, packages), splash: image.splash)
    async let initialRAMFile = progress.step("initial RAM file system") {
      try await FileSystemImage(tools: tools, cache: cache, epoch: epoch).initialRAM(
        initialRAM, isCompressed: image.kernel.compressesInitialRAM)
    }
    let arguments =
      device.kernelArguments(image.loader) + Self.kernelArguments(basis.layout.scheme) + image.kernel.arguments
    var plan = devicePlan(image, identity: identity, users: users, system: system)
    identity.build = try buildIdentity(
      plan, root.tree, initialRAM, kernel: kernel.files, basis, arguments: arguments, layout: basis.layout)
    plan.image = identity
    if image.initProgram == nil { try root.addPlan(plan) }
    if let updates = basis.updates { try root.replacePlan(updates, identity, time: epoch) }

    let parts = try basis.parts(
      kernel: kernel.files, initialRAM: try await initialRAMFile, arguments: arguments, epoch: epoch)
    let source = RootSource.tree(root.tree)
    let disk = try await DiskParts(parts, root: source, tools: tools, cache: cache, progress: progress) {
      try await BootPart(parts, archive: archive, tools: tools, cache: cache, progress: progress)
    }
    let contents = FinishedRoot(
      identity: identity, source: source, contents: try root.tree.listing(), kernel: kernel.files.label,
      firmware: kernel.modules?.firmware ?? [], packages: root.packages.map(BuildManifest.PackageRow.init),
      programs: built)
    return try await write(contents, on: disk, parts, basis, tools: tools)
  }

  /// Writes the artefacts of an image whose root and disk are complete.
  func write(
    _ root: FinishedRoot, on disk: DiskParts, _ parts: ImageParts, _ basis: ImageBasis, tools: ToolTree
  ) async throws -> BuildManifest {
    let manifest = try BuildManifest(root, on: disk, in: basis.layout, epoch: parts.epoch)
    let image = basis.image
    let artefacts = try ImageArtefacts(
      name: image.name, disk: disk.image, contents: root.contents,
      recipe: root.system.map { SystemRecipe(identity: root.identity, system: $0.definition) },
      root: RootArchive(
        root.source, time: parts.epoch, architecture: basis.device.architecture,
        name: "\(image.name):\(project.version)"),
      bundle: try ReleaseBundle(parts, files: disk.slotFiles, project.release, signedBy: basis.signer),
      provisioning: ProvisionerArchive(root.identity, basis.layout, time: parts.epoch), tools: tools
    ).list(image.formats, basis.request, in: basis.folder)
    return try await basis.folder.write(artefacts, manifest: manifest, progress: progress)
  }

  /// Returns the signer of a build's bundles; `nil` if the build makes no bundles or the project names no key.
  private func signer(
    for image: ImageDefinition, _ request: ArtefactRequest, updates: DeviceUpdates?
  ) async throws -> ReleaseSigner? {
    guard request.deltas > 0 || (image.formats + request.formats).contains(.bundle) else { return nil }
    let signer = try await ReleaseSigner(project.release.signingKeys, environment: environment)
    if let signer, let updates { try updates.check(signer) }
    return signer
  }

  /// Checks that this machine has the programs and rights that a build needs, before anything is fetched.
  func checkMachine(for image: ImageDefinition) throws {
    try DebianArchive.checkTools()
    try HostProgram.require(Set(image.programs.compactMap(\.source.hostUse)))
    if image.kind == .system { try SystemBuilder.checkRights() }
  }

  /// Kernel arguments of every image with a kind of partition table.
  ///
  /// - `gpt`: the kernel uses the backup partition table if the primary one is damaged. Not on a disk with a master boot
  ///   record: there the kernel would take the backup that an earlier image has left at the end of the disk.
  /// - `panic`: if the kernel panics, or PID 1 ends, the machine restarts after ten seconds instead of hanging.
  /// - `SWIFT_DETERMINISTIC_HASHING`: the kernel puts it into the environment of stage 1. Without it, the Swift runtime
  ///   waits for random numbers, for a second or more on machines without a hardware source. Deterministic
  ///   hashing is safe here: stage 1 reads no untrusted data and does not pass the variable on.
  static func kernelArguments(_ scheme: PartitionScheme) -> [String] {
    ["ro"] + (scheme == .gpt ? ["gpt"] : []) + ["panic=10", "loglevel=4", "SWIFT_DETERMINISTIC_HASHING=1"]
  }

  /// Resolves the packages and program sources of an image and locks them. Builds nothing.
  ///
  /// - Throws: `ArchiveFailure`.
  public func resolve(_ image: ImageDefinition, system: SystemDefinition? = nil) async throws {
    let device = DeviceClass(image.device)
    if let system { return try await resolveSystem(image, system) }
    let system = SystemPrograms(image, users: try UserIDs(names: image.programs.map(\.user)))
    let requests = PackageRequests(image: image, project: project, device: device, system: system)
    _ = try await lookingUp(for: image) { try await archive.packages(for: requests.all) }
    try await ProgramBuilder(cache: cache, lock: lock).resolve(image.programs)
  }

  // MARK: Parts

  private struct KernelParts: Sendable {
    var files: KernelFiles
    /// Modules of the root file system.
    var modules: KernelModules?
    /// Modules of the initial RAM file system, with their own index.
    var bootModules: KernelModules?
  }

  private func buildPrograms(
    _ programs: [ProgramDefinition], for architecture: Architecture
  ) async throws -> [String: URL] {
    let builder = ProgramBuilder(cache: cache, lock: lock)
    return try await withThrowingTaskGroup(of: (String, URL?).self) { group in
      for program in programs {
        group.addTask {
          try await progress.step("program \(program.name)") {
            (program.name, try await builder.executable(of: program, for: architecture))
          }
        }
      }
      var result: [String: URL] = [:]
      for try await (name, file) in group { result[name] = file }
      return result
    }
  }

  private func kernelParts(
    _ basis: ImageBasis, for system: SystemPrograms, tools: ToolTree
  ) async throws -> KernelParts {
    let (image, device) = (basis.image, basis.device)
    let files = try await KernelFiles(
      image.kernel, device: device, suite: project.archive.suite, archive: archive, cache: cache)
    guard let source = files.modules else {
      guard image.kernel.modules.isEmpty else { throw KernelModuleFailure.noModules(kernel: files.label) }
      return KernelParts(files: files)
    }
    func choose(_ names: [String], optional: [String]) async throws -> KernelModules {
      do {
        return try await KernelModules(
          names: names, optional: optional, source: source, identity: files.identity, tools: tools, cache: cache)
      } catch let failure as KernelModuleFailure {
        throw failure.problems(of: image.kernel.modules) ?? failure
      }
    }
    // Without the modules of the file systems, no device starts. A kernel may lack any of the hardware drivers.
    let needed = basis.neededModules
    return KernelParts(
      files: files,
      modules: try await choose(
        image.kernel.modules.map(\.value) + needed, optional: device.bootModules + device.modules + system.modules),
      bootModules: try await choose(needed, optional: device.bootModules))
  }

  private func addPackages(
    to start: RootTree, _ image: ImageDefinition, requests: PackageRequests,
    packages: [PackageRequest: [DebianPackage]]
  ) async throws -> RootTree {
    var root = start
    let base = packages[requests.base] ?? []
    try root.addBaseData(base, trees: try await archive.trees(of: base))
    for request in requests.files {
      let closure = packages[request] ?? []
      let named = closure.filter { request.names.contains($0.name) }
      try root.addPackages(named, trees: try await archive.trees(of: named))
      for program in image.programs {
        guard case .debian(let names, let executable) = program.source, Set(names) == Set(request.names) else {
          continue
        }
        try await root.addTarget(of: executable, from: closure, archive: archive)
      }
      try await root.addLibraries(from: closure, archive: archive)
    }
    for program in image.programs { try root.checkExecutable(of: program) }
    return root
  }

  func checker(
    _ request: PackageRequest, _ packages: [PackageRequest: [DebianPackage]]
  ) async throws -> URL {
    let trees = try await archive.trees(of: packages[request] ?? [])
    let places = trees.flatMap { tree in
      ["usr/sbin/e2fsck.static", "sbin/e2fsck.static"].map { tree.appending(path: $0) }
    }
    guard let file = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
      throw FileFailure("find", "e2fsck.static", reason: "the package e2fsck-static does not have it")
    }
    return file
  }

  /// Returns the time for all files in the image from the environment (`SOURCE_DATE_EPOCH`), in seconds since 1970.
  func givenTime() throws(ImageFailure) -> Int64? {
    guard let given = environment["SOURCE_DATE_EPOCH"], !given.isEmpty else { return nil }
    // The range that the formats of archives and file systems can hold.
    guard let seconds = Int64(given), 0...Int64(UInt32.max) ~= seconds else { throw .noTime(given) }
    return seconds
  }

  private func devicePlan(
    _ image: ImageDefinition, identity: ImageIdentity, users: UserIDs, system: SystemPrograms
  ) -> DevicePlan {
    var interfaces: [StaticInterface] = []
    var nameServers: [String] = []
    if case .fixed(let fixed, let servers) = image.network { (interfaces, nameServers) = (fixed, servers) }
    var plan = DevicePlan(
      image: identity, hostname: image.hostname, modules: system.modules + image.kernel.modules.map(\.value),
      interfaces: interfaces, nameServers: nameServers,
      programs: system.plans + image.programs.map { PlannedPrograms.plan($0, users: users) },
      consoleCommands: image.consoleCommands, shutdownTimeout: 60)
    plan.wireless = image.wireless.map { WirelessPlan(interface: $0.interface, country: $0.country) }
    return plan
  }

  /// Returns the hash of everything in the image except this hash itself.
  private func buildIdentity(
    _ plan: DevicePlan, _ root: FileTree, _ initialRAM: FileTree, kernel: KernelFiles, _ basis: ImageBasis,
    arguments: [String], layout: Layout
  ) throws -> String {
    var key = CacheKey("image 2")
    key.add(Digest(of: try PlanText.encode(plan)))
    key.add(arguments)
    key.add(try root.identity())
    key.add(try initialRAM.identity())
    key.add(try Digest(ofFile: kernel.kernel.path))
    // Other device classes keep their build ids.
    if let firmware = basis.firmware {
      key.add(firmware.identity)
      let files = try basis.deviceTrees(of: kernel) + kernel.overlays(basis.image.loader)
      key.add(try files.map { "\($0.lastPathComponent) \(try Digest(ofFile: $0.path))" })
    }
    key.add(layout.identity)
    key.add(project.version)
    return key.hash.text
  }
}
