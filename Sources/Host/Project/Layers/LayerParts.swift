import DebianPackages
import FoundationEssentials

/// A form of a layer's parts: with variables, or with their values.
public protocol LayerForm {
  associatedtype Text: Sendable, Equatable
  /// A text with its position, for problems that are found later.
  associatedtype LocatedText: Sendable, Equatable
  associatedtype Package: Sendable, Equatable
  associatedtype File: Sendable, Equatable
  /// A unit file to add.
  associatedtype UnitFile: Sendable, Equatable
  associatedtype Step: Sendable, Equatable
}

/// The form of parts in which the variables are filled in.
public enum FilledForm: LayerForm {
  public typealias Text = String
  public typealias LocatedText = Located<String>
  public typealias Package = PackageWish
  public typealias File = SystemFile
  /// Unit files are among the files.
  public typealias UnitFile = Never
  public typealias Step = BuildStep
}

/// The form of parts as a file describes them.
enum WrittenForm: LayerForm {
  typealias Text = VariableText
  typealias LocatedText = VariableText
  typealias Package = VariableText
  typealias File = FilePart
  typealias UnitFile = Located<URL>
  typealias Step = StepPart
}

/// The parts that a layer or an image adds.
public struct LayerParts<Form: LayerForm>: Sendable, Equatable {
  /// Package archives in addition to Debian's.
  public var repositories: [LayerRepository<Form>] = []
  /// Packages to install. Their dependencies are installed too, but not the packages that they recommend.
  public var packages: [Form.Package] = []
  /// Packages of earlier layers to remove.
  public var removedPackages: [Form.Text] = []
  /// Packages that must never be installed, even if another package depends on them.
  public var excludedPackages: [Form.Text] = []
  /// Rules that exclude or include paths of packages; the last rule that matches applies, as with `dpkg`.
  public var pathRules: [LayerPathRule<Form>] = []
  /// Groups to create, before the users.
  public var groups: [SystemGroup] = []
  /// Users to create.
  public var users: [LayerUser<Form>] = []
  /// Files, folders and links, in the order of the file; a later one replaces an earlier one.
  public var files: [Form.File] = []
  /// Steps, in the order of the file.
  public var steps: [Form.Step] = []
  /// Units to enable, disable and mask, and the default target.
  public var units = LayerUnits<Form>()
  /// Parts of the kernel command line.
  public var kernelArguments: [Form.Text] = []
  /// Additional kernel modules for the initial RAM file system.
  public var bootModules: [Form.LocatedText] = []
  /// Lines of the firmware configuration (`config.txt` of a Raspberry Pi).
  public var bootConfiguration: [Form.Text] = []
  /// Paths that survive reboots and updates.
  public var persistedPaths: [LayerPersistedPath<Form>] = []
  /// Health checks of the device.
  public var healthChecks: [HealthCheck] = []
}

/// A part of a file with a name, which is the key of its entry.
protocol NamedPart {
  var name: String { get set }
  var position: SourcePosition { get set }
}

/// An item of `repositories:`.
public struct LayerRepository<Form: LayerForm>: Sendable, Equatable, NamedPart {
  public var position: SourcePosition
  public var source: PackageRepository<Form.Text>
  /// Architectures; empty for the image's architecture.
  public var architectures: [String]
  /// True if the image has it in its APT sources.
  public var inImage: Bool

  public var name: String {
    get { source.name }
    set { source.name = newValue }
  }
}

/// A pattern of `path-exclude` or `path-include` (`dpkg(1)`).
public struct LayerPathRule<Form: LayerForm>: Sendable, Equatable {
  /// Shell pattern of absolute paths; `*` also matches slashes.
  public var pattern: Form.Text
  /// True if matching paths are included.
  public var isInclusion: Bool
}

/// A group of the system.
public struct SystemGroup: Sendable, Equatable, NamedPart {
  public var position: SourcePosition
  public var name: String
  /// Number; `nil` for the next free number of its range.
  public var gid: UInt32?
  /// True for a system group.
  public var isSystem: Bool
}

/// A user of the system.
public struct LayerUser<Form: LayerForm>: Sendable, Equatable, NamedPart {
  /// Position in the file that declares the user.
  public var position: SourcePosition
  public var name: String
  /// Number; `nil` for the next free number of its range.
  public var uid: UInt32?
  /// Main group; `nil` for a group with the name of the user.
  public var group: Form.LocatedText?
  /// Additional groups, which must exist.
  public var groups: [Form.LocatedText] = []
  /// Home folder; `nil` for `/home/NAME`, or for no home folder if this is a system user.
  public var home: Form.LocatedText?
  /// Shell; `nil` for `/bin/bash` if that exists, else `/bin/sh`. For a system user, `nil` means `nologin`.
  public var shell: Form.LocatedText?
  /// Hashed password (`crypt(5)`); `nil` for a locked password.
  public var passwordHash: Form.Text?
  /// Lines of `authorized_keys`.
  public var authorizedKeys: [Form.Text] = []
  /// True for a system user.
  public var isSystem: Bool
}

/// Changes to the units that systemd starts.
public struct LayerUnits<Form: LayerForm>: Sendable, Equatable {
  /// Unit files to add.
  public var added: [Form.UnitFile] = []
  public var enabled: [Form.LocatedText] = []
  public var disabled: [Form.LocatedText] = []
  public var masked: [Form.LocatedText] = []
  /// Default target; `nil` to leave it unchanged.
  public var defaultTarget: Form.LocatedText?
}

/// A path that survives reboots and updates.
public struct LayerPersistedPath<Form: LayerForm>: Sendable, Equatable {
  public var path: Form.Text
  /// Effect of an update on the path.
  public var onUpdate: PersistedPathRule
}

/// The effect of an update on a persisted path.
public enum PersistedPathRule: String, Sendable, Equatable, CaseIterable {
  /// Leaves it unchanged.
  case keep
  /// Replaces it with the new image's version.
  case refresh
  /// Merges the changes of the device with those of the new image.
  case merge
}

/// A check that must pass before an update is committed.
public struct HealthCheck: Sendable, Equatable, NamedPart {
  public var position: SourcePosition
  public var name: String
  /// Command that the device runs.
  public var command: String
}

/// An item of `files:`, or a file in the layer's folder `files`.
struct FilePart: Sendable, Equatable {
  /// The content at the path.
  enum Content: Sendable, Equatable {
    /// A file of the build host, copied unchanged.
    case file(URL)
    /// A file of the build host in which variables are filled in.
    case template(URL)
    case text(VariableText)
    case folder
    case link(VariableText)
    /// Nothing; an existing file is removed.
    case absent
    /// The file at this path in the layer's folder `files`. In a template, variables are filled in.
    case overlay(isTemplate: Bool)
  }

  var position: SourcePosition
  var path: VariableText
  var content: Content
  var owner: VariableText?
  var group: VariableText?
  var mode: UInt32?
}

/// An item of `steps:`.
struct StepPart: Sendable, Equatable, NamedPart {
  /// The step, without environment and secrets.
  var step: BuildStep
  var environment: [DictionaryEntry<VariableText>]
  /// Names of secret variables.
  var secrets: [Located<String>]

  var name: String {
    get { step.name }
    set { step.name = newValue }
  }
  var position: SourcePosition {
    get { step.position }
    set { step.position = newValue }
  }
}
