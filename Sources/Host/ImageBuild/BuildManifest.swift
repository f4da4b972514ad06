import BaseImport
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import Lock
import PartitionTable
import RootFilesystem

/// What a build made: written next to the image as `manifest.json`.
public struct BuildManifest: Codable, Sendable {
  /// One partition.
  public struct PartitionRow: Codable, Sendable {
    /// Number in the table.
    public var number: Int
    /// Name.
    public var name: String
    /// Offset on the disk, in bytes.
    public var offset: Int64
    /// Size in bytes.
    public var size: Int64
  }

  /// One program.
  public struct ProgramRow: Codable, Sendable {
    /// Name.
    public var name: String
    /// SHA-256 of its executable.
    public var sha256: ContentHash
    /// Bytes of its executable.
    public var size: Int64
  }

  /// The published image that a system stands upon.
  public struct BaseRow: Codable, Sendable {
    /// Name of its file.
    public var name: String
    /// SHA-256 of its file.
    public var sha256: ContentHash
  }

  /// One Debian package with files in the image.
  public struct PackageRow: Codable, Sendable {
    /// Name.
    public var name: String
    /// Version.
    public var version: String
    /// Architecture.
    public var architecture: String
    /// SHA-256 of its archive; `nil` for a package that the base brought.
    public var sha256: ContentHash?

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
    /// Name of the file, beside the manifest.
    public var name: String
    /// What it is: `raw`, or the word that asked for it in the project file.
    public var format: String
    /// Bytes of the file.
    public var size: Int64
    /// SHA-256 of its content.
    public var sha256: ContentHash
  }

  /// What the image is.
  public var identity: ImageIdentity
  /// Time of everything in it, in seconds since 1970.
  public var epoch: Int64
  /// The kernel.
  public var kernel: String
  /// Firmware files that the image's kernel modules may ask for; they are not in the image.
  public var firmwareNotIncluded: [String]
  /// Bytes of kernel, initial RAM file system and root file system.
  public var sizes: [String: Int64]
  /// Bytes of each slot.
  public var slotSize: Int64
  /// The partitions.
  public var partitions: [PartitionRow]
  /// Programs.
  public var programs: [ProgramRow]
  /// What a system stands upon; `nil` for packages alone.
  public var base: BaseRow?
  /// Debian packages, those of the base included.
  public var packages: [PackageRow]
  /// Layers of a system in the order in which they were put on.
  public var layers: [String]?
  /// Variables of a system that are no secrets.
  public var variables: [String: String]?
  /// The files, the raw disk image first.
  public var artefacts: [ArtefactRow] = []

  init(
    identity: ImageIdentity, epoch: Int64, kernel: String, firmware: [String], layout: Layout, table: GPT,
    packages: [PackageRow], programs: [String: URL], sizes: [String: Int64]
  ) throws {
    self.identity = identity
    self.epoch = epoch
    self.kernel = kernel
    firmwareNotIncluded = firmware
    self.sizes = sizes
    let sector = Int64(GPT.sectorSize)
    slotSize = Int64(table.partition(number: layout.numbers.rootA)?.sectorCount ?? 0) * sector
    partitions = table.partitions.map {
      PartitionRow(
        number: $0.number, name: $0.name, offset: Int64($0.firstLBA) * sector, size: Int64($0.sectorCount) * sector)
    }
    self.programs = try programs.sorted { $0.key < $1.key }.map { name, file in
      ProgramRow(name: name, sha256: try ContentHash(ofFile: file.path), size: try FileLength.of(file))
    }
    self.packages = packages.sorted { $0.name < $1.name }
  }
}
