import BaseImport
import DeviceModel
import FoundationEssentials
import Project
import SizeReport
import DiskImage
import RootFilesystem

/// A complete root file system, with the facts that the image's records have about it.
struct FinishedRoot {
  /// The definition of a system, Cultivar's own layer included, and its base.
  struct System {
    var definition: SystemDefinition
    /// The imported base; `nil` if the system consists of packages alone.
    var base: BaseRoot?
  }

  var identity: ImageIdentity
  var source: RootSource
  var contents: [ContentsListing.Entry]
  /// Name of the kernel, for example its package and version.
  var kernel: String
  /// Firmware files that the kernel modules may request.
  var firmware: [String]
  var packages: [BuildManifest.PackageRow]
  /// Executables of the programs, by program name.
  var programs: [String: URL] = [:]
  /// The system; `nil` for an appliance.
  var system: System?
}
