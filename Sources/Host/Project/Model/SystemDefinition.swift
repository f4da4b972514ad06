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
@dynamicMemberLookup
public struct SystemLayer: Sendable, Equatable {
  /// Name; for the image's own additions, the name of the image.
  public var name: String
  /// Origin, for people and for the manifest: `built-in`, `./layers/gateway`, `https://… at 1f2e3d`.
  public var origin: String
  /// Beginning of the layer's file, or of the image's entry.
  public var position: SourcePosition
  /// The parts that the layer adds.
  public var parts = LayerParts<FilledForm>()

  /// Creates a layer that adds nothing.
  public init(name: String, origin: String, position: SourcePosition) {
    self.name = name
    self.origin = origin
    self.position = position
  }

  /// A kind of the layer's parts.
  public subscript<Value>(dynamicMember part: WritableKeyPath<LayerParts<FilledForm>, Value>) -> Value {
    get { parts[keyPath: part] }
    set { parts[keyPath: part] = newValue }
  }
}

public typealias SystemRepository = LayerRepository<FilledForm>
public typealias PathRule = LayerPathRule<FilledForm>
public typealias SystemUser = LayerUser<FilledForm>
public typealias UnitChanges = LayerUnits<FilledForm>
public typealias PersistedPath = LayerPersistedPath<FilledForm>

extension SystemUser {
  /// Creates a system user without a home folder, a password and a shell.
  public init(system name: String, uid: UInt32, position: SourcePosition) {
    self.init(position: position, name: name, uid: uid, isSystem: true)
  }

  /// True if the root file system contains the home folder. A system user need not have one, and some folders, such as
  /// `/run`, are not part of the root file system.
  public var hasHome: Bool { home.map { !AccountAgreement.isPassing($0.value) } ?? !isSystem }
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
