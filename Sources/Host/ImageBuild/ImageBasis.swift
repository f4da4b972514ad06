import BootFlow
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import Project

/// The facts about an image that are known before anything is fetched. Making one reports all errors that can be found so
/// early.
struct ImageBasis: Sendable {
  let image: ImageDefinition
  let identity: ImageIdentity
  let device: DeviceClass
  /// The firmware on the boot partition; `nil` for hardware with firmware of its own.
  let firmware: BoardFirmware?
  let layout: Layout
  /// The device executable.
  let executable: URL
  /// The update software; `nil` for devices that take no updates.
  let updates: DeviceUpdates?
  /// The signer of the bundles; `nil` if there are none or they are signed later.
  let signer: ReleaseSigner?
  let folder: ArtefactFolder
  let request: ArtefactRequest

  /// Modules without which the root file system and the data partition cannot be mounted.
  var neededModules: [String] {
    [layout.rootFileSystem.rawValue, "ext4"] + (image.kind == .system ? ["overlay"] : [])
  }

  /// The plan for stage 1.
  ///
  /// - Parameters:
  ///   - nextInit: The command line of the init that stage 1 starts.
  ///   - environment: The environment of that init.
  ///   - persistedPaths: Paths that persist on the data partition; `nil` for a root that is read-only throughout.
  func bootPlan(
    nextInit: [String], environment: [String: String] = [:], persistedPaths: Set<String>? = nil
  ) -> BootPlan {
    BootPlan(
      partitions: layout.numbers, rootFileSystem: layout.rootFileSystem,
      overlay: persistedPaths == nil ? nil : .dropped, persistedPaths: persistedPaths?.sorted(),
      modules: neededModules, nextInit: nextInit,
      nextInitEnvironment: environment.map { "\($0.key)=\($0.value)" }.sorted(),
      dataMountOptions: layout.dataMountOptions.isEmpty ? nil : layout.dataMountOptions, deviceTimeout: 60,
      failureDelay: 10)
  }

  /// The device trees of a kernel for the device class.
  ///
  /// - Throws: ``ImageFailure/noDeviceTree(_:kernel:)``.
  func deviceTrees(of kernel: KernelFiles) throws(ImageFailure) -> [URL] {
    guard let board = device.board else { return [] }
    return try kernel.deviceTrees(
      named: image.loader == .tryboot ? board.deviceTrees : board.upstreamDeviceTrees,
      manufacturer: RaspberryPiBoard.deviceTreeFolder)
  }

  /// The parts of the image besides the root.
  ///
  /// - Throws: ``ImageFailure/noDeviceTree(_:kernel:)``.
  func parts(
    kernel: KernelFiles, initialRAM: URL, arguments: [String], epoch: Int64, ownCache: Cache? = nil
  ) throws -> ImageParts {
    ImageParts(
      image: ImageName(project: identity.project, image: image.name), device: device, layout: layout,
      version: identity.version, loader: image.loader, kernel: kernel.kernel,
      firmware: firmware, deviceTrees: try deviceTrees(of: kernel), overlays: kernel.overlays(image.loader),
      initialRAM: initialRAM, kernelConfiguration: kernel.configuration, board: device.board,
      position: image.position,
      arguments: arguments, epoch: epoch, takesUpdates: updates != nil, ownCache: ownCache)
  }
}
