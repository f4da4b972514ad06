import BootFlow
import DeviceModel
import TestFixtures

extension LoaderDouble {
  /// The same boot loader in the boot record.
  public var kind: BootLoader {
    switch self {
    case .systemdBoot: .systemdBoot
    case .grub: .grub
    case .uBoot: .uBoot
    }
  }

  /// Returns the boot flow that this double checks.
  public func flow(_ folder: BootFolder) -> any BootFlow {
    switch self {
    case .systemdBoot: SystemdBootFlow(folder)
    case .grub: GrubFlow(folder)
    case .uBoot: UBootFlow(folder)
    }
  }

  /// Fills the boot partition of a new image, which is for all boot loaders.
  public static func fill(_ folder: BootFolder, with entry: BootEntry) throws {
    let files =
      SystemdBootFlow.initialFiles(for: entry) + GrubFlow.initialFiles(for: entry)
      + UBootFlow.initialFiles(for: entry)
    for (path, content) in files { try folder.create(path, content) }
  }
}
