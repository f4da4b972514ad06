import DeviceModel
import PartitionTable
import FoundationEssentials

/// A project as its `cultivar.yaml` describes it, with defaults filled in and references inside the file resolved.
///
/// Facts outside the file (does the folder build, does the package exist) are not checked here. The positions let a
/// later step point at the line with the mistake.
public struct ProjectDefinition: Sendable, Equatable {
  /// Folder of the project file; relative paths in the file are relative to it.
  public var folder: URL
  /// Name: lower-case letters, digits and hyphens.
  public var name: String
  /// Version of the release that a build makes; `0.0.0` by default.
  public var version: String
  /// Facts about that release, for its bundles.
  public var release = ReleaseDefinition()
  /// Debian archive of the packages.
  public var archive: ArchiveDefinition
  /// Images, in the order of the file.
  public var images: [ImageDefinition]
  /// Values of variables for all systems.
  var variables: [GivenVariable]
  /// Profiles that the project defines.
  var profiles: [ProfileDefinition]
  /// Sources of the layers that the project names.
  public var layers: [LayerSource]
  /// Changes to layers, for every system that has these layers.
  var overrides: [LayerOverride]
  /// Text of the file, to quote lines in problems that are found later.
  var source: SourceText
}

/// Facts about a release that its bundles tell devices and people (`release:`).
public struct ReleaseDefinition: Sendable, Equatable {
  /// Security epoch. Devices refuse releases with a lower epoch than their own.
  public var epoch: UInt64 = 0
  /// Lowest version from which devices can update; `nil` for any.
  public var minimumVersion: String?
  /// Time after which devices no longer install the bundles, in seconds since 1970; `nil` for no limit.
  public var expires: UInt64?
  /// Release notes for people.
  public var notes: String?
  /// Version of the format in which its programs store data.
  public var dataSchema: UInt32 = 0
  /// Private keys that sign the bundles; empty if the bundles are signed later.
  public var signingKeys: [SigningKeyPlace] = []
}

/// The location of a private key.
public enum SigningKeyPlace: Sendable, Equatable {
  /// A PEM file.
  case file(URL)
  /// A key on a token, as a URI that begins with `pkcs11:` (RFC 7512).
  case token(String)
  /// An environment variable that holds the PEM text.
  case variable(String)
}

/// A position in a file that the user wrote.
public struct SourcePosition: Sendable, Equatable, Hashable {
  public var file: URL
  /// Line, from 1.
  public var line: Int
  /// Column, from 1, in characters.
  public var column: Int

  public init(file: URL, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

/// The Debian archive and the suite of a project (`debian:`).
public struct ArchiveDefinition: Sendable, Equatable {
  /// Code name of the suite: `trixie` (default), `bookworm`.
  public var suite: String
  /// URL of the mirror; `nil` to use that of the environment or the build host.
  public var mirror: String?
  /// URL of the security archive; `nil` to derive it from the mirror.
  public var securityMirror: String?
  /// True if the archive is a snapshot. Its indexes are accepted after their expiry date.
  public var isSnapshot = false
  /// Position of the suite in the project file; `nil` for the default suite.
  public var suitePosition: SourcePosition?
}

/// An image of a project.
public struct ImageDefinition: Sendable, Equatable, NamedPart {
  /// Position of the image's name.
  public var position: SourcePosition
  /// Name: lower-case letters, digits and hyphens.
  public var name: String
  public var device: BuiltInDeviceClass
  /// Boot loader. On a BIOS, it is always GRUB.
  public var loader: BootLoader
  /// Layout, with the project's changes.
  public var layout: LayoutChoice
  /// Artefacts to write in addition to the raw disk image.
  public var formats: [ArtefactFormat] = []
  /// Host name; `nil` for the name of the image.
  var givenHostname: String?
  /// Name of the time zone in the tz database; `UTC` by default.
  public var timezone: String
  /// Programs, in the order of the file.
  public var programs: [ProgramDefinition]
  /// Files to add to the root file system.
  public var files: [FileDefinition]
  /// Kernel and its modules.
  public var kernel: KernelDefinition
  public var network: NetworkDefinition
  /// Wireless network client of an appliance; `nil` if it has none.
  public var wireless: WirelessDefinition?
  /// NTP servers; if empty, the device does not set its clock.
  public var timeServers: [String]
  /// Management API; `nil` if it does not listen on the network.
  public var management: ManagementPlan?
  /// Picture for the screen while the device starts; `nil` for none.
  public var splash: URL?
  /// True if the console accepts `cultivarctl` commands (`console: { commands: true }`).
  public var consoleCommands: Bool
  /// Settings for updates of its devices; `nil` if they take no updates.
  public var update: UpdateDefinition?
  /// Parts of a system; `nil` for an appliance. ``SystemReader`` turns them into a ``SystemDefinition``.
  public var system: SystemRequest?
}

/// A built-in layout, with the project's changes.
public struct LayoutChoice: Sendable, Equatable {
  /// Position of the layout in the project file.
  public var position: SourcePosition
  public var base: BuiltInLayout
  /// Kind of the partition table; `nil` for that of the device class.
  public var scheme: PartitionScheme?
  /// File system of the slots.
  public var rootFileSystem = RootFileSystem.erofs
  /// Size of the boot partition, in bytes; `nil` for the layout's default.
  public var bootSize: Int64?
  /// Size of each slot; `nil` for the layout's default.
  public var slotSize: SlotSize?
  /// Size of the data partition in the image, in bytes; `nil` for the layout's default. The device enlarges the
  /// partition.
  public var dataSize: Int64?
  /// Mount options of the data partition, in addition to the default ones.
  public var dataMountOptions: [String] = []
}

/// An artefact that a build can write in addition to the raw disk image.
public enum ArtefactFormat: String, Sendable, CaseIterable {
  /// A block map of the raw image.
  case blockMap = "bmap"
  /// The raw image, compressed by Zstandard.
  case zstd
  /// The raw image, compressed by XZ.
  case xz
  /// The disk image for QEMU.
  case qcow2
  /// The disk image for fastboot.
  case androidSparse = "android-sparse"
  /// The update bundle.
  case bundle
  /// The root file system as a tar archive.
  case rootTar = "root-tar"
  /// The root file system as an OCI image archive.
  case rootOCI = "root-oci"
  /// The partitions with a description for Raspberry Pi's provisioner.
  case provisioner = "idp"
}

/// The size of a slot.
public enum SlotSize: Sendable, Equatable {
  case bytes(Int64)
  /// The size relative to the image's root file system, in percent; at least 100.
  case percent(Int)
}

/// The kernel of an image.
public struct KernelDefinition: Sendable, Equatable {
  /// Position of the kernel's description; that of the image if it has none.
  public var position: SourcePosition
  public var source: KernelSource
  /// Names of modules to include in addition to those of the device class.
  public var modules: [Located<String>]
  /// Additional parts of the kernel command line.
  public var arguments: [String]
  /// True if the initial RAM file system is compressed.
  public var compressesInitialRAM: Bool
  /// Position of its own suite in the project file; `nil` if it has none.
  public var suitePosition: SourcePosition?
}

/// The source of a kernel.
public enum KernelSource: Sendable, Equatable {
  /// A Debian package; `nil` for the device class's package or the project's suite.
  case debian(package: String?, suite: String?)
  /// A kernel file, and the folder of its modules (`lib/modules/VERSION`) if it has any.
  case path(kernel: URL, modules: URL?)
}

/// The network of an image (`network:`).
public enum NetworkDefinition: Sendable, Equatable {
  /// DHCP and IPv6 router advertisement on the named interfaces; on every Ethernet interface if none is named.
  case automatic(interfaces: [String])
  /// Fixed addresses.
  case fixed([StaticInterface], nameServers: [String])
  /// Loopback only.
  case none
}

/// The wireless network client of an appliance.
public struct WirelessDefinition: Sendable, Equatable {
  /// Name of the interface.
  public var interface: String
  /// Country whose radio rules apply; `nil` for the rules that are allowed everywhere.
  public var country: String?
  /// Packages with the firmware of adapters.
  public var firmware: [String]
}

/// A file or folder of the project that is added to the root file system.
public struct FileDefinition: Sendable, Equatable {
  /// Position of the path in the project file.
  public var position: SourcePosition
  /// File or folder on the build host.
  public var source: URL
  /// Absolute path in the image.
  public var path: String
  /// Permission bits; `nil` for 0755 for folders and executable files, 0644 for other files.
  public var mode: UInt32?
}

extension ImageDefinition {
  public var hostname: String { givenHostname ?? name }

  /// The kind of the image: appliance or system.
  public var kind: ImageKind { system == nil ? .appliance : .system }

  /// The program that is PID 1; `nil` if Cultivar's init starts and supervises the programs.
  public var initProgram: ProgramDefinition? { programs.first(where: \.isInit) }
}
