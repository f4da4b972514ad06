import BootFlow
import DeviceModel
import TestFixtures

extension LoaderDouble {
  /// The loader by the name that a device has for it.
  public var kind: BootRecord.Loader {
    switch self {
    case .systemdBoot: .systemdBoot
    case .grub: .grub
    case .uBoot: .uBoot
    }
  }

  /// The flow that is judged by the double.
  public func flow(_ folder: BootFolder) -> any BootFlow {
    switch self {
    case .systemdBoot: SystemdBootFlow(folder)
    case .grub: GrubFlow(folder)
    case .uBoot: UBootFlow(folder)
    }
  }

  /// Makes the boot partition of a new image: one for all loaders.
  public static func fill(_ folder: BootFolder, with entry: BootEntry) throws {
    let files =
      SystemdBootFlow.initialFiles(for: entry) + GrubFlow.initialFiles(for: entry)
      + UBootFlow.initialFiles(for: entry)
    for (path, content) in files { try folder.create(path, content) }
  }
}
