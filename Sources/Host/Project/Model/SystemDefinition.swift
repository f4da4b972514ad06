import FoundationEssentials

/// What an image with a distribution is made of: layers in the order in which they are applied, with every variable filled in.
///
/// The image's own additions are its last layer, so that nothing else has to know of two kinds.
public struct SystemDefinition: Sendable, Equatable {
  /// What everything stands on: packages of a Debian suite, or the content of an image that somebody published.
  public var base: SystemBase
  /// Layers in the order in which they are applied.
  public var layers: [SystemLayer]
  /// Variables that layers and image declare, in the order of the layers.
  public var variables: [ResolvedVariable]

  /// Makes a system.
  public init(base: SystemBase, layers: [SystemLayer], variables: [ResolvedVariable]) {
    self.base = base
    self.layers = layers
    self.variables = variables
  }
}

/// What the first layer stands on.
public enum SystemBase: Sendable, Equatable {
  /// Packages of a suite of Debian, by its code name.
  case debian(suite: String)
  /// A root file system or a disk image of somebody else.
  case image(ImportedBase)
}

/// A published image that a system is layered upon.
public struct ImportedBase: Sendable, Equatable {
  /// Where it is named.
  public var position: SourcePosition
  /// The file on the build host: a tar archive, or a disk image, raw or compressed by xz, zstd or gzip.
  public var file: URL
  /// What it must hash to; `nil` to take it as it is.
  public var sha256: String?
  /// Number of the partition with the root file system; `nil` for the one that holds a Debian.
  public var rootPartition: Int?
  /// Suite of Debian that further packages come from; `nil` for the image's own.
  public var suite: String?

  /// Makes a base.
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
  /// Name; the image's own additions have the image's name.
  public var name: String
  /// Where it comes from, for people and for the manifest: `built-in`, `./layers/gateway`, `https://… at 1f2e3d`.
  public var origin: String
  /// Where the layer's file begins, or the image's entry.
  public var position: SourcePosition
  /// Archives of packages in addition to Debian's own.
  public var repositories: [PackageRepository] = []
  /// Packages to install, with what they depend on; recommended packages are not installed.
  public var packages: [PackageWish] = []
  /// Packages to remove that are there because of an earlier layer.
  public var removedPackages: [String] = []
  /// Packages that must not come in, whatever depends on them.
  public var excludedPackages: [String] = []
  /// Paths of packages that are left out or taken all the same; the last one that matches counts, as with `dpkg`.
  public var pathRules: [PathRule] = []
  /// Groups to make, before the users.
  public var groups: [SystemGroup] = []
  /// Users to make.
  public var users: [SystemUser] = []
  /// Files, folders and links, in the order of writing; a later one replaces an earlier one.
  public var files: [SystemFile] = []
  /// Steps, in the order of writing.
  public var steps: [BuildStep] = []
  /// What systemd is to start, and what not.
  public var units = UnitChanges()
  /// Parts of the kernel command line.
  public var kernelArguments: [String] = []
  /// Kernel modules that the initial RAM file system is to hold as well.
  public var bootModules: [Located<String>] = []
  /// Lines of the firmware's configuration (`config.txt` of a Raspberry Pi).
  public var bootConfiguration: [String] = []
  /// Paths that outlive reboots and updates.
  public var persistedPaths: [PersistedPath] = []
  /// Checks of a device's health.
  public var healthChecks: [HealthCheck] = []

  /// Makes a layer that adds nothing.
  public init(name: String, origin: String, position: SourcePosition) {
    self.name = name
    self.origin = origin
    self.position = position
  }
}

/// A variable and its value.
public struct ResolvedVariable: Sendable, Equatable {
  /// Full name: `LAYER.VARIABLE`, or a plain name where the image or project declares it.
  public var name: String
  /// The value as text, as it is filled in; of a list, the entries by line.
  public var value: String
  /// Whether the value must not be shown: in no message, manifest, log or key in clear.
  public var isSecret: Bool
  /// Where the value was given.
  public var source: ValueSource

  /// Makes a variable.
  public init(name: String, value: String, isSecret: Bool, source: ValueSource) {
    self.name = name
    self.value = value
    self.isSecret = isSecret
    self.source = source
  }
}

/// Where a value comes from, in the order of precedence from the last.
public enum ValueSource: Sendable, Equatable {
  /// The layer's own default.
  case layerDefault(SourcePosition)
  /// The profile that the image names.
  case profile(String, SourcePosition)
  /// `variables:` of the project.
  case project(SourcePosition)
  /// `variables:` of the image.
  case image(SourcePosition)
  /// `--set` on the command line.
  case commandLine
}

/// An archive of Debian packages.
public struct PackageRepository: Sendable, Equatable {
  /// Where it is written.
  public var position: SourcePosition
  /// Name of the file in `/etc/apt/sources.list.d`, without its ending.
  public var name: String
  /// URL of the archive.
  public var url: String
  /// Suites.
  public var suites: [String]
  /// Components; empty for a flat archive.
  public var components: [String]
  /// Architectures; empty for that of the image.
  public var architectures: [String]
  /// The key that signs it, in OpenPGP format, armoured or not.
  public var key: URL
  /// Priority of its packages, as in `apt_preferences(5)`; `nil` for APT's own.
  public var priority: Int?
  /// Packages that the priority is for; empty for all.
  public var priorityPackages: [String]
  /// Whether the finished image has it in its sources.
  public var inImage: Bool

  /// Makes a repository.
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
  /// Name of the package.
  public var name: String
  /// The version it must have; `nil` for the archive's newest.
  public var version: String?

  /// Makes a wish.
  public init(name: String, version: String? = nil) {
    self.name = name
    self.version = version
  }
}

/// A pattern of `path-exclude` or `path-include` (`dpkg(1)`).
public struct PathRule: Sendable, Equatable, Hashable {
  /// Shell pattern of absolute paths; `*` stands for slashes as well.
  public var pattern: String
  /// Whether matching paths are taken.
  public var isInclusion: Bool

  /// Makes a rule.
  public init(pattern: String, isInclusion: Bool) {
    self.pattern = pattern
    self.isInclusion = isInclusion
  }
}

/// A group of the system.
public struct SystemGroup: Sendable, Equatable {
  /// The place of the group in its file.
  public var position: SourcePosition
  /// Name.
  public var name: String
  /// Number; `nil` for the next free one of its kind.
  public var gid: UInt32?
  /// Whether its number is one of a system's own.
  public var isSystem: Bool

  /// Makes a group.
  public init(position: SourcePosition, name: String, gid: UInt32?, isSystem: Bool) {
    self.position = position
    self.name = name
    self.gid = gid
    self.isSystem = isSystem
  }
}

/// A user of the system.
public struct SystemUser: Sendable, Equatable {
  /// Where the user is written.
  public var position: SourcePosition
  /// Name.
  public var name: String
  /// Number; `nil` for the next free one of its kind.
  public var uid: UInt32?
  /// Main group; `nil` for one of the user's own name.
  public var group: Located<String>?
  /// Further groups, which have to exist.
  public var groups: [Located<String>]
  /// Home folder; `nil` for `/home/NAME`, and for none where the user is one of a system's own.
  public var home: Located<String>?
  /// Shell; `nil` for `/bin/bash` where that exists and `/bin/sh` where not, and for `nologin` where the user is a
  /// system's own.
  public var shell: Located<String>?
  /// Password in hashed form (`crypt(5)`); `nil` for a locked one.
  public var passwordHash: String?
  /// Lines of `authorized_keys`.
  public var authorizedKeys: [String]
  /// Whether it is one of a system's own.
  public var isSystem: Bool

  /// True if the root file system has the home folder: a system's own user need not have one, and some places do not last.
  public var hasHome: Bool { home.map { !AccountAgreement.isPassing($0.value) } ?? !isSystem }

  /// Makes a user.
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

/// A file, folder or link that a layer puts into the root file system.
public struct SystemFile: Sendable, Equatable {
  /// Where it is written, or the layer's position for what lies in its `files` folder.
  public var position: SourcePosition
  /// Absolute path in the root.
  public var path: String
  /// What is there.
  public var content: Content
  /// Owner and group by name or number, `root` where nothing is said.
  public var owner: String
  /// Group by name or number.
  public var group: String
  /// Permission bits; `nil` for those usual of its kind: folders and runnable files 0755, others 0644.
  public var mode: UInt32?
  /// Whether it holds a secret.
  public var isSecret: Bool

  /// What a path is.
  public enum Content: Sendable, Equatable {
    /// A file of the build host, taken byte for byte.
    case file(URL)
    /// Text, variables filled in.
    case text(String)
    /// An empty folder.
    case folder
    /// A symbolic link.
    case link(String)
    /// Nothing: what is there is removed.
    case absent
  }

  /// Makes a file.
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

/// A command or script that takes part in a build.
public struct BuildStep: Sendable, Equatable {
  /// Where it is written.
  public var position: SourcePosition
  /// Name, unique in the layer.
  public var name: String
  /// When it runs.
  public var phase: Phase
  /// Where it runs.
  public var place: Place
  /// What runs.
  public var script: Script
  /// Whether it may use the network.
  public var usesNetwork: Bool
  /// Environment, in addition to what every step has.
  public var environment: [String: String]
  /// Secrets by name; each is a file `/run/secrets/NAME` while the step runs.
  public var secrets: [String: String]
  /// Files and folders of the build host that the result depends on, seen by the step under `/run/inputs/NAME`.
  public var inputs: [String: URL]

  /// When a step runs.
  public enum Phase: String, Sendable, Equatable, CaseIterable {
    /// Before anything is unpacked; the root is empty.
    case setup
    /// After the essential packages are unpacked.
    case essential
    /// After the layer's packages, users, files and units.
    case packages
    /// After all layers.
    case last
    /// After the image is written; the artefacts' folder is the working folder.
    case image
  }

  /// Where a step runs.
  public enum Place: String, Sendable, Equatable, CaseIterable {
    /// In a sandbox on the build host's own programs, with the root at the path that `CULTIVAR_ROOT` tells.
    case sandbox
    /// Inside the root.
    case root
  }

  /// What runs.
  public enum Script: Sendable, Equatable {
    /// Text for `/bin/sh -eu`.
    case shell(String)
    /// A runnable file of the build host.
    case file(URL)
  }

  /// Makes a step.
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

/// What systemd is to start.
public struct UnitChanges: Sendable, Equatable {
  /// Units to enable.
  public var enabled: [Located<String>] = []
  /// Units to disable.
  public var disabled: [Located<String>] = []
  /// Units that must not start at all.
  public var masked: [Located<String>] = []
  /// Target that is started; `nil` to leave it as it is.
  public var defaultTarget: Located<String>?

  /// Makes changes: none.
  public init() {}
}

/// A path that outlives reboots and updates.
public struct PersistedPath: Sendable, Equatable {
  /// Absolute path.
  public var path: String
  /// What an update does with it.
  public var onUpdate: UpdateRule

  /// What an update does with a persisted path.
  public enum UpdateRule: String, Sendable, Equatable, CaseIterable {
    /// Leaves it as it is.
    case keep
    /// Replaces it with the new image's.
    case refresh
    /// Merges what the device and what the new image changed.
    case merge
  }

  /// Makes a path.
  public init(path: String, onUpdate: UpdateRule) {
    self.path = path
    self.onUpdate = onUpdate
  }
}

/// A check that must pass before an update is kept.
public struct HealthCheck: Sendable, Equatable {
  /// Name.
  public var name: String
  /// What runs on the device.
  public var command: String

  /// Makes a check.
  public init(name: String, command: String) {
    self.name = name
    self.command = command
  }
}
