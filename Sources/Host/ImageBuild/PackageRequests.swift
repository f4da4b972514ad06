import DebianArchive
import DiskImage
import Lock
import Project

/// The packages that an image needs from the Debian archive. All of them are known before the first look-up.
struct PackageRequests {
  /// Certificates and time zones.
  let base: PackageRequest
  /// The file system checker of the initial RAM file system.
  let checker: PackageRequest
  /// Packages whose files go into the image. Each request includes all dependencies, from which missing libraries are
  /// taken.
  let files: [PackageRequest]
  private let kernel: [PackageRequest]
  private let loaders: [PackageRequest]

  init(image: ImageDefinition, project: ProjectDefinition, device: DeviceClass, system: SystemPrograms) {
    let suite = project.archive.suite
    let architecture = device.architecture.rawValue
    base = PackageRequest(["ca-certificates", "tzdata"], scope: .named, suite: suite, architecture: architecture)
    checker = PackageRequest(["e2fsck-static"], scope: .named, suite: suite, architecture: architecture)
    kernel = KernelFiles.requests(image.kernel, device: device, suite: suite)
    loaders = BootLoaderFiles.request(
      architecture: device.architecture, kind: image.loader,
      boardPackages: device.board?.packages(image.loader) ?? [])
    let programs = image.programs.compactMap { program -> [String]? in
      guard case .debian(let packages, _) = program.source else { return nil }
      return packages
    }
    files = ([system.packages] + programs).filter { !$0.isEmpty }.map {
      PackageRequest($0, scope: .closure, suite: suite, architecture: architecture)
    }
  }

  /// All requests together, so that APT runs once.
  var all: [PackageRequest] { [base, checker, ToolTree.request] + loaders + kernel + files }
}
