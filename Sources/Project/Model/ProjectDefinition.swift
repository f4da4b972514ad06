import FoundationEssentials

/// A project as its `cultivar.yaml` says it: complete, defaults filled in, every reference inside it resolved.
///
/// What can only be known by looking outside the file (does the folder build, does the package exist) is not checked
/// here; the positions let a later step point at the line that is to blame.
public struct ProjectDefinition: Sendable, Equatable {
  /// Folder of the project file; relative paths in it start here.
  public var folder: URL
  /// Name: lower-case letters, digits and hyphens.
  public var name: String
  /// Version of the release that a build makes; `0.0.0` where the file gives none.
  public var version: String
  /// What bundles of that release say.
  public var release = ReleaseDefinition()
  /// Debian archive that packages come from.
  public var archive: ArchiveDefinition
  /// Images, in the order of writing.
  public var images: [ImageDefinition]
  /// Values of variables for all systems.
  var variables: [GivenVariable]
  /// Profiles of the project's own.
  var profiles: [ProfileDefinition]
  /// Where layers come from that the project names.
  public var layers: [LayerSource]
  /// Changes to layers in all systems that have them.
  var overrides: [LayerOverride]
  /// The text of the file, for the lines of problems that are found later.
  var source: SourceText
}

/// What bundles of a release say to devices and people (`release:`).
public struct ReleaseDefinition: Sendable, Equatable {
  /// Security epoch: rises when older releases must not come back.
  public var epoch: UInt64 = 0
  /// The lowest version that devices can come from; `nil` for any.
  public var minimumVersion: String?
  /// When bundles are no longer to be installed, in seconds since 1970; `nil` for never.
  public var expires: UInt64?
  /// What people should know.
  public var notes: String?
  /// Version of the data that its programs write.
  public var dataSchema: UInt32 = 0
  /// Private keys that sign the bundles; none for bundles that are signed later.
  public var signingKeys: [SigningKeyPlace] = []
}

/// The place of a private key.
public enum SigningKeyPlace: Sendable, Equatable {
  /// A PEM file.
  case file(URL)
  /// A token, by a URI that begins with `pkcs11:` (RFC 7512).
  case token(String)
  /// An environment variable that holds the PEM text.
  case variable(String)
}

/// Where something stands in a file that the user wrote; line and column start at 1, the column counts characters.
public struct SourcePosition: Sendable, Equatable, Hashable {
  /// The file.
  public var file: URL
  /// Line, from 1.
  public var line: Int
  /// Column, from 1, in characters.
  public var column: Int

  /// Makes a position.
  public init(file: URL, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

/// The Debian archive and the suite of a project (`debian:`).
public struct ArchiveDefinition: Sendable, Equatable {
  /// Suite by code name: `trixie` (default), `bookworm`.
  public var suite: String
  /// URL of the mirror; `nil` to take it from the environment or the build host.
  public var mirror: String?
  /// URL of the security archive; `nil` for the one that belongs to the mirror.
  public var securityMirror: String?
  /// Whether the archive is a snapshot, whose indexes count past their date.
  public var isSnapshot = false
  /// Where the suite is named; `nil` where it is not.
  public var suitePosition: SourcePosition?
}

/// One image of a project.
public struct ImageDefinition: Sendable, Equatable {
  /// Where the image's name stands.
  public var position: SourcePosition
  /// Name: lower-case letters, digits and hyphens.
  public var name: String
  /// Name of a built-in device class: `generic-x86_64`.
  public var device: String
  /// What starts the image.
  public var loader: BootLoaderChoice
  /// Layout with the project's changes to it.
  public var layout: LayoutChoice
  /// What is written in addition to the raw disk image.
  public var formats: [ArtefactFormat] = []
  /// Host name; the image's name where the file gives none.
  public var hostname: String
  /// Time zone by its name in the tz database; `UTC` where the file gives none.
  public var timezone: String
  /// Programs, in the order of writing.
  public var programs: [ProgramDefinition]
  /// Files added to the root file system.
  public var files: [FileDefinition]
  /// Kernel and its modules.
  public var kernel: KernelDefinition
  /// Network.
  public var network: NetworkDefinition
  /// NTP servers; empty for no clock client.
  public var timeServers: [String]
  /// Management API; `nil` where it does not listen.
  public var management: ManagementDefinition?
  /// Whether `cultivarctl` commands are taken on the console (`console: { commands: true }`).
  public var consoleCommands: Bool
  /// Updates of its devices; `nil` where they take none.
  public var update: UpdateDefinition?
  /// What a system is made of; `nil` for an appliance. ``SystemReader`` makes a ``SystemDefinition`` of it.
  public var system: SystemRequest?
}

/// What starts an image.
public enum BootLoaderChoice: String, Sendable, CaseIterable {
  /// systemd-boot by UEFI; on a BIOS GRUB.
  case systemdBoot = "systemd-boot"
  /// GRUB.
  case grub
  /// U-Boot, which is in the firmware of boards.
  case uBoot = "u-boot"
}

/// A built-in layout, and what the project changes of it.
public struct LayoutChoice: Sendable, Equatable {
  /// Where the layout is named.
  public var position: SourcePosition
  /// Name of a built-in layout: `appliance-ab`.
  public var name: String
  /// File system of the slots: `erofs` (default), `squashfs`, `ext4`.
  public var rootFileSystem: String
  /// Bytes of the boot partition; `nil` for the layout's own.
  public var bootSize: Int64?
  /// Size of each slot; `nil` for the layout's own.
  public var slotSize: SlotSize?
  /// Bytes of the data partition in the image (the device grows it); `nil` for the layout's own.
  public var dataSize: Int64?
  /// Mount options of the data partition, in addition to those of every image.
  public var dataMountOptions: [String] = []
}

/// What an image can be written as, in addition to the raw disk image.
public enum ArtefactFormat: String, Sendable, CaseIterable {
  /// A block map of the raw image.
  case blockMap = "bmap"
  /// The raw image, compressed by Zstandard.
  case zstd
  /// The raw image, compressed by XZ.
  case xz
  /// The disk for QEMU.
  case qcow2
  /// The disk for fastboot.
  case androidSparse = "android-sparse"
  /// The bundle that updates devices to the image.
  case bundle
  /// The root file system as a tar archive.
  case rootTar = "root-tar"
  /// The root file system as an OCI image archive.
  case rootOCI = "root-oci"
}

/// How large a slot is.
public enum SlotSize: Sendable, Equatable {
  /// This many bytes.
  case bytes(Int64)
  /// In hundredths of the root file system that the image has in it; at least 100.
  case percent(Int)
}

/// The kernel of an image.
public struct KernelDefinition: Sendable, Equatable {
  /// Where the kernel is described; the image's position where it is not.
  public var position: SourcePosition
  /// Where it comes from.
  public var source: KernelSource
  /// Names of further modules that the image is to hold, in addition to the device class's.
  public var modules: [Located<String>]
  /// Further parts of the command line.
  public var arguments: [String]
  /// Whether the initial RAM file system is compressed.
  public var compressesInitialRAM: Bool
  /// Where a suite of its own is named; `nil` where it is not.
  public var suitePosition: SourcePosition?
}

/// Where a kernel comes from.
public enum KernelSource: Sendable, Equatable {
  /// A Debian package; `nil` for the device class's own package, and for the project's suite.
  case debian(package: String?, suite: String?)
  /// A kernel file, and the folder with its modules (`lib/modules/VERSION`), if it has any.
  case path(kernel: URL, modules: URL?)
}

/// The network of an image (`network:`).
public enum NetworkDefinition: Sendable, Equatable {
  /// DHCP and IPv6 by router advertisement on every Ethernet interface, or on the named ones.
  case automatic(interfaces: [String])
  /// Addresses given in the project.
  case fixed([InterfaceDefinition], nameServers: [String])
  /// Loopback only.
  case none
}

/// One interface with fixed addresses.
public struct InterfaceDefinition: Sendable, Equatable {
  /// Name; `nil` for the first Ethernet interface.
  public var name: String?
  /// Addresses with prefix length.
  public var addresses: [String]
  /// Default gateways.
  public var gateways: [String]
}

/// The management API (`management:`).
public struct ManagementDefinition: Sendable, Equatable {
  /// TCP port.
  public var port: Int
  /// Numeric addresses to listen on; all where the file names none.
  public var addresses: [String]
  /// SHA-256 of the token that requests bring, in hexadecimal; `nil` where each device gets one when it is flashed.
  public var tokenHash: String?
}

/// A file or folder of the project that goes into the root file system.
public struct FileDefinition: Sendable, Equatable {
  /// Where it stands in the project file.
  public var position: SourcePosition
  /// The file or folder on the build host.
  public var source: URL
  /// Absolute path in the image.
  public var path: String
  /// Permission bits; `nil` for 0755 where the source has a run bit and 0644 where it has none.
  public var mode: UInt32?
}

extension ImageDefinition {
  /// Whether it is an appliance or a system.
  public var kind: ImageKind { system == nil ? .appliance : .system }

  /// The program that is PID 1 itself; `nil` where Cultivar's init starts and supervises the programs.
  public var initProgram: ProgramDefinition? { programs.first(where: \.isInit) }
}
