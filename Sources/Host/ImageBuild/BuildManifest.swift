import BaseImport
import DeviceModel
import DiskImage
import FoundationEssentials
import Hashing
import HostSystem
import Lock
import PartitionTable
import RootFilesystem

/// The record of a build, written next to the image as `manifest.json`.
public struct BuildManifest: Codable, Sendable {
  public struct PartitionRow: Codable, Sendable {
    /// Number in the partition table.
    public var number: Int
    public var name: String
    /// Offset on the disk, in bytes.
    public var offset: Int64
    /// Size in bytes.
    public var size: Int64
  }

  public struct ProgramRow: Codable, Sendable {
    public var name: String
    /// SHA-256 of the executable.
    public var sha256: Digest
    /// Size of the executable in bytes.
    public var size: Int64
  }

  /// The published image that a system is based on.
  public struct BaseRow: Codable, Sendable {
    /// Name of the image file.
    public var name: String
    /// SHA-256 of the image file.
    public var sha256: Digest
  }

  /// One Debian package with files in the image.
  public struct PackageRow: Codable, Sendable {
    public var name: String
    public var version: String
    public var architecture: String
    /// SHA-256 of the package's archive; `nil` for a package of the base.
    public var sha256: Digest?

    init(_ package: DebianPackage) {
      name = package.name
      version = package.version
      architecture = package.architecture
      sha256 = package.sha256
    }

    init(_ package: BaseFacts.Package) {
      name = package.name
      version = package.version
      architecture = package.architecture
    }
  }

  /// One file that the build wrote.
  public struct ArtefactRow: Codable, Sendable, Equatable {
    /// Name of the file, which is in the folder of the manifest.
    public var name: String
    /// The format: `raw`, or the word that asks for it in the project file.
    public var format: String
    /// Size in bytes.
    public var size: Int64
    /// SHA-256 of the file.
    public var sha256: Digest
  }

  public var identity: ImageIdentity
  /// Timestamp of everything in the image, in seconds since 1970.
  public var epoch: Int64
  /// Name of the kernel, for example its package and version.
  public var kernel: String
  /// Firmware files that the image's kernel modules may request; they are not in the image.
  public var firmwareNotIncluded: [String]
  /// Sizes of kernel, initial RAM file system and root file system, in bytes.
  public var sizes: [String: Int64]
  /// Size of each slot in bytes.
  public var slotSize: Int64
  public var partitions: [PartitionRow]
  public var programs: [ProgramRow]
  /// The base of a system; `nil` for an appliance and for a system of packages alone.
  public var base: BaseRow?
  /// Debian packages, including those of the base.
  public var packages: [PackageRow]
  /// Layers of a system, in the order in which they were applied.
  public var layers: [String]?
  /// Variables of a system, without secrets.
  public var variables: [String: String]?
  /// The files that the build wrote, the raw disk image first.
  public var artefacts: [ArtefactRow] = []

  /// - Parameter epoch: Timestamp of everything in the image, in seconds since 1970.
  init(_ root: FinishedRoot, on disk: DiskParts, in layout: Layout, epoch: Int64) throws {
    identity = root.identity
    self.epoch = epoch
    kernel = root.kernel
    firmwareNotIncluded = root.firmware
    sizes = try disk.sizes()
    base = root.system?.base.map { .init(name: $0.name, sha256: $0.image) }
    layers = root.system?.definition.layers.map(\.name)
    variables = root.system?.definition.openVariables
    let table = disk.image.table
    let sector = Int64(GPT.sectorSize)
    slotSize = Int64(table.extent(number: layout.numbers.rootA)?.sectorCount ?? 0) * sector
    let names = layout.names
    partitions = table.extents.map {
      PartitionRow(
        number: $0.number, name: names[$0.number] ?? "", offset: Int64($0.firstLBA) * sector,
        size: Int64($0.sectorCount) * sector)
    }
    programs = try root.programs.sorted { $0.key < $1.key }.map { name, file in
      ProgramRow(name: name, sha256: try Digest(ofFile: file.path), size: try FolderTree.fileSize(file.path))
    }
    packages = root.packages.sorted { $0.name < $1.name }
  }
}
