import FoundationEssentials

/// The parts of an image with a distribution: its layers, with all variables filled in.
///
/// The image's own additions are its last layer, so that other code handles only one kind of part.
public struct SystemDefinition: Sendable, Equatable {
  /// The root file system below all layers: packages of a Debian suite, or the content of a published image.
  public var base: SystemBase
  /// Layers in the order in which they are applied.
  public var layers: [SystemLayer]
  /// Variables of the layers and of the image, in the order of the layers.
  public var variables: [ResolvedVariable]

  public init(base: SystemBase, layers: [SystemLayer], variables: [ResolvedVariable]) {
    self.base = base
    self.layers = layers
    self.variables = variables
  }
}

/// The root file system below the first layer.
public enum SystemBase: Sendable, Equatable {
  /// Packages of a Debian suite, by its code name.
  case debian(suite: String)
  /// A published root file system or disk image.
  case image(ImportedBase)
}

/// A published image that is the base of a system.
public struct ImportedBase: Sendable, Equatable {
  /// Position in the project file.
  public var position: SourcePosition
  /// The file on the build host: a tar archive or a disk image, raw or compressed with xz, zstd or gzip.
  public var file: URL
  /// Expected SHA-256 of the file; `nil` for no check.
  public var sha256: String?
  /// Number of the partition with the root file system; `nil` for the partition that contains Debian.
  public var rootPartition: Int?
  /// Debian suite of additional packages; `nil` for the suite of the image.
  public var suite: String?

  public init(position: SourcePosition, file: URL, sha256: String?, rootPartition: Int?, suite: String?) {
    self.position = position
    self.file = file
    self.sha256 = sha256
    self.rootPartition = rootPartition
    self.suite = suite
  }
}

/// A layer with its variables filled in.
public struct SystemLayer: Sendable, Equatable {
  /// Name; for the image's own additions, the name of the image.
  public var name: String
  /// Origin, for people and for the manifest: `built-in`, `./layers/gateway`, `https://… at 1f2e3d`.
  public var origin: String
  /// Beginning of the layer's file, or of the image's entry.
  public var position: SourcePosition
  /// Package archives in addition to Debian's.
  public var repositories: [PackageRepository] = []
  /// Packages to install. Their dependencies are installed too, but not the packages that they recommend.
  public var packages: [PackageWish] = []
  /// Packages of earlier layers to remove.
  public var removedPackages: [String] = []
  /// Packages that must never be installed, even if another package depends on them.
  public var excludedPackages: [String] = []
  /// Rules that exclude or include paths of packages; the last rule that matches applies, as with `dpkg`.
  public var pathRules: [PathRule] = []
  /// Groups to create, before the users.
  public var groups: [SystemGroup] = []
  /// Users to create.
  public var users: [SystemUser] = []
  /// Files, folders and links, in the order of the file; a later one replaces an earlier one.
  public var files: [SystemFile] = []
  /// Steps, in the order of the file.
  public var steps: [BuildStep] = []
  /// Units to enable, disable and mask, and the default target.
  public var units = UnitChanges()
  /// Parts of the kernel command line.
  public var kernelArguments: [String] = []
  /// Additional kernel modules for the initial RAM file system.
  public var bootModules: [Located<String>] = []
  /// Lines of the firmware configuration (`config.txt` of a Raspberry Pi).
  public var bootConfiguration: [String] = []
  /// Paths that survive reboots and updates.
  public var persistedPaths: [PersistedPath] = []
  /// Health checks of the device.
  public var healthChecks: [HealthCheck] = []

  /// Creates a layer that adds nothing.
  public init(name: String, origin: String, position: SourcePosition) {
    self.name = name
    self.origin = origin
    self.position = position
  }
}

/// A variable with its value.
public struct ResolvedVariable: Sendable, Equatable {
  /// Full name: `LAYER.VARIABLE`, or a plain name for a variable of the image or project.
  public var name: String
  /// Value as the text that replaces the variable; for a list, one entry per line.
  public var value: String
  /// True if the value must not appear in clear in messages, manifests, logs or cache keys.
  public var isSecret: Bool
  /// Source of the value.
  public var source: ValueSource

  public init(name: String, value: String, isSecret: Bool, source: ValueSource) {
    self.name = name
    self.value = value
    self.isSecret = isSecret
    self.source = source
  }
}

/// The source of a variable's value. A later case takes precedence over an earlier one.
public enum ValueSource: Sendable, Equatable {
  /// The default of the layer.
  case layerDefault(SourcePosition)
  /// The profile of the image.
  case profile(String, SourcePosition)
  /// `variables:` of the project.
  case project(SourcePosition)
  /// `variables:` of the image.
  case image(SourcePosition)
  /// `--set` on the command line.
  case commandLine
}

/// An archive of Debian packages, with the key that signs it.
public struct PackageRepository: Sendable, Equatable {
  public var position: SourcePosition
  /// Name of the file in `/etc/apt/sources.list.d`, without its extension.
  public var name: String
  public var url: String
  public var suites: [String]
  /// Components; empty for a flat archive.
  public var components: [String]
  /// Architectures; empty for the image's architecture.
  public var architectures: [String]
  /// File with the key that signs it, in OpenPGP format, armoured or binary.
  public var key: URL
  /// Priority of its packages, as in `apt_preferences(5)`; `nil` for APT's default.
  public var priority: Int?
  /// Packages that the priority applies to; empty for all.
  public var priorityPackages: [String]
  /// True if the image has it in its APT sources.
  public var inImage: Bool

  public init(
    position: SourcePosition, name: String, url: String, suites: [String], components: [String],
    architectures: [String], key: URL, priority: Int?, priorityPackages: [String], inImage: Bool
  ) {
    self.position = position
    self.name = name
    self.url = url
    self.suites = suites
    self.components = components
    self.architectures = architectures
    self.key = key
    self.priority = priority
    self.priorityPackages = priorityPackages
    self.inImage = inImage
  }
}

/// A package to install.
public struct PackageWish: Sendable, Equatable, Hashable {
  public var name: String
  /// Required version; `nil` for the newest version in the archive.
  public var version: String?

  public init(name: String, version: String? = nil) {
    self.name = name
    self.version = version
  }
}

/// A pattern of `path-exclude` or `path-include` (`dpkg(1)`).
public struct PathRule: Sendable, Equatable, Hashable {
  /// Shell pattern of absolute paths; `*` also matches slashes.
  public var pattern: String
  /// True if matching paths are included.
  public var isInclusion: Bool

  public init(pattern: String, isInclusion: Bool) {
    self.pattern = pattern
    self.isInclusion = isInclusion
  }
}

/// A group of the system.
public struct SystemGroup: Sendable, Equatable {
  public var position: SourcePosition
  public var name: String
  /// Number; `nil` for the next free number of its range.
  public var gid: UInt32?
  /// True for a system group.
  public var isSystem: Bool

  public init(position: SourcePosition, name: String, gid: UInt32?, isSystem: Bool) {
    self.position = position
    self.name = name
    self.gid = gid
    self.isSystem = isSystem
  }
}

/// A user of the system.
public struct SystemUser: Sendable, Equatable {
  /// Position in the file that declares the user.
  public var position: SourcePosition
  public var name: String
  /// Number; `nil` for the next free number of its range.
  public var uid: UInt32?
  /// Main group; `nil` for a group with the name of the user.
  public var group: Located<String>?
  /// Additional groups, which must exist.
  public var groups: [Located<String>]
  /// Home folder; `nil` for `/home/NAME`, or for no home folder if this is a system user.
  public var home: Located<String>?
  /// Shell; `nil` for `/bin/bash` if that exists, else `/bin/sh`. For a system user, `nil` means `nologin`.
  public var shell: Located<String>?
  /// Hashed password (`crypt(5)`); `nil` for a locked password.
  public var passwordHash: String?
  /// Lines of `authorized_keys`.
  public var authorizedKeys: [String]
  /// True for a system user.
  public var isSystem: Bool

  /// True if the root file system contains the home folder. A system user need not have one, and some folders, such as
  /// `/run`, are not part of the root file system.
  public var hasHome: Bool { home.map { !AccountAgreement.isPassing($0.value) } ?? !isSystem }

  public init(
    position: SourcePosition, name: String, uid: UInt32?, group: Located<String>?, groups: [Located<String>],
    home: Located<String>?, shell: Located<String>?, passwordHash: String?, authorizedKeys: [String], isSystem: Bool
  ) {
    self.position = position
    self.name = name
    self.uid = uid
    self.group = group
    self.groups = groups
    self.home = home
    self.shell = shell
    self.passwordHash = passwordHash
    self.authorizedKeys = authorizedKeys
    self.isSystem = isSystem
  }
}

/// A file, folder or link that a layer adds to the root file system.
public struct SystemFile: Sendable, Equatable {
  /// Position in the file that declares it; the layer's position for a file in its `files` folder.
  public var position: SourcePosition
  /// Absolute path in the root file system.
  public var path: String
  public var content: Content
  /// Owner, by name or number.
  public var owner: String
  /// Group, by name or number.
  public var group: String
  /// Permission bits; `nil` for 0755 for folders and executable files, 0644 for other files.
  public var mode: UInt32?
  /// True if its content includes a secret.
  public var isSecret: Bool

  /// The content at a path.
  public enum Content: Sendable, Equatable {
    /// A file of the build host, copied unchanged.
    case file(URL)
    /// Text, with variables filled in.
    case text(String)
    /// An empty folder.
    case folder
    /// A symbolic link.
    case link(String)
    /// Nothing: an existing file at the path is removed.
    case absent
  }

  public init(
    position: SourcePosition, path: String, content: Content, owner: String = "root", group: String = "root",
    mode: UInt32? = nil, isSecret: Bool = false
  ) {
    self.position = position
    self.path = path
    self.content = content
    self.owner = owner
    self.group = group
    self.mode = mode
    self.isSecret = isSecret
  }
}

/// A command or script that a build runs.
public struct BuildStep: Sendable, Equatable {
  public var position: SourcePosition
  /// Name, unique in the layer.
  public var name: String
  public var phase: Phase
  public var place: Place
  public var script: Script
  /// True if it may use the network.
  public var usesNetwork: Bool
  /// Environment variables, in addition to those of every step.
  public var environment: [String: String]
  /// Secrets by name. Each is a file `/run/secrets/NAME` while the step runs.
  public var secrets: [String: String]
  /// Files and folders of the build host that the result depends on. The step sees each as `/run/inputs/NAME`.
  public var inputs: [String: URL]

  /// The phase of a build in which a step runs.
  public enum Phase: String, Sendable, Equatable, CaseIterable {
    /// Before any package is unpacked. The root is empty, or contains the base image.
    case setup
    /// After the essential packages are unpacked.
    case essential
    /// After the packages, users, files and units of the layer.
    case packages
    /// After all layers.
    case last
    /// After the image is written. The step sees the artefacts in its working folder.
    case image
  }

  /// The environment in which a step runs.
  public enum Place: String, Sendable, Equatable, CaseIterable {
    /// A sandbox with the build host's programs. `CULTIVAR_ROOT` is the path of the root.
    case sandbox
    /// The root itself.
    case root
  }

  public enum Script: Sendable, Equatable {
    /// Text for `/bin/sh -eu`.
    case shell(String)
    /// An executable file of the build host.
    case file(URL)
  }

  public init(
    position: SourcePosition, name: String, phase: Phase, place: Place, script: Script, usesNetwork: Bool = false,
    environment: [String: String] = [:], secrets: [String: String] = [:], inputs: [String: URL] = [:]
  ) {
    self.position = position
    self.name = name
    self.phase = phase
    self.place = place
    self.script = script
    self.usesNetwork = usesNetwork
    self.environment = environment
    self.secrets = secrets
    self.inputs = inputs
  }
}

/// Changes to the units that systemd starts.
public struct UnitChanges: Sendable, Equatable {
  public var enabled: [Located<String>] = []
  public var disabled: [Located<String>] = []
  public var masked: [Located<String>] = []
  /// Default target; `nil` to leave it unchanged.
  public var defaultTarget: Located<String>?

  public init() {}
}

/// A path that survives reboots and updates.
public struct PersistedPath: Sendable, Equatable {
  public var path: String
  /// Effect of an update on the path.
  public var onUpdate: UpdateRule

  /// The effect of an update on a persisted path.
  public enum UpdateRule: String, Sendable, Equatable, CaseIterable {
    /// Leaves it unchanged.
    case keep
    /// Replaces it with the new image's version.
    case refresh
    /// Merges the changes of the device with those of the new image.
    case merge
  }

  public init(path: String, onUpdate: UpdateRule) {
    self.path = path
    self.onUpdate = onUpdate
  }
}

/// A check that must pass before an update is committed.
public struct HealthCheck: Sendable, Equatable {
  public var name: String
  /// Command that the device runs.
  public var command: String

  public init(name: String, command: String) {
    self.name = name
    self.command = command
  }
}
