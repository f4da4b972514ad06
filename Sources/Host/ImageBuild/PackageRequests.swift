import DebianArchive
import DiskImage
import Lock
import Project

/// What an image needs of the Debian archive, all of it known before the first look-up.
struct PackageRequests {
  /// Certificates and time zones.
  let base: PackageRequest
  /// The file system checker of the initial RAM file system.
  let checker: PackageRequest
  /// Packages whose files are wanted, each list with all that it depends on: the source of libraries.
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
      architecture: device.architecture, kind: BootLoaderFiles.Kind(image.loader))
    let programs = image.programs.compactMap { program -> [String]? in
      guard case .debian(let packages, _) = program.source else { return nil }
      return packages
    }
    files = ([system.packages] + programs).filter { !$0.isEmpty }.map {
      PackageRequest($0, scope: .closure, suite: suite, architecture: architecture)
    }
  }

  /// All of them, so that APT is asked once.
  var all: [PackageRequest] { [base, checker, ToolTree.request] + loaders + kernel + files }
}
