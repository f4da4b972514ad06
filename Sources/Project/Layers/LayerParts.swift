import FoundationEssentials

/// What a layer adds, as it is written: variables are not filled in yet. An image's own additions are the same thing.
struct LayerParts: Sendable, Equatable {
  var repositories: [RepositoryPart] = []
  var packages: [VariableText] = []
  var removedPackages: [VariableText] = []
  var excludedPackages: [VariableText] = []
  var paths: [PathPart] = []
  var groups: [GroupPart] = []
  var users: [UserPart] = []
  var files: [FilePart] = []
  var steps: [StepPart] = []
  var units = UnitParts()
  var kernelArguments: [VariableText] = []
  var bootModules: [VariableText] = []
  var bootConfiguration: [VariableText] = []
  var persisted: [PersistPart] = []
  var health: [HealthPart] = []
}

/// A part that has a name, by which it can be replaced and dropped.
protocol NamedPart {
  /// The name.
  var name: String { get }
  /// Where it stands.
  var position: SourcePosition { get }
}

/// An item of `repositories:`.
struct RepositoryPart: Sendable, Equatable, NamedPart {
  var name: String
  var position: SourcePosition
  var url: VariableText
  var suites: [VariableText]
  var components: [VariableText]
  var architectures: [String]
  var key: URL
  var priority: Int?
  var priorityPackages: [String]
  var inImage: Bool
}

/// An item of `paths:`.
struct PathPart: Sendable, Equatable {
  var pattern: VariableText
  var isInclusion: Bool
}

/// An item of `groups:`.
struct GroupPart: Sendable, Equatable, NamedPart {
  var name: String
  var position: SourcePosition
  var gid: UInt32?
  var isSystem: Bool
}

/// An item of `users:`.
struct UserPart: Sendable, Equatable, NamedPart {
  var name: String
  var position: SourcePosition
  var uid: UInt32?
  var group: VariableText?
  var groups: [VariableText]
  var home: VariableText?
  var shell: VariableText?
  var passwordHash: VariableText?
  var authorizedKeys: [VariableText]
  var isSystem: Bool
}

/// An item of `files:`, or a file of the layer's folder `files`.
struct FilePart: Sendable, Equatable {
  /// What is at the path.
  enum Content: Sendable, Equatable {
    /// A file of the build host, byte for byte.
    case file(URL)
    /// A file of the build host whose variables are filled in.
    case template(URL)
    /// Text.
    case text(VariableText)
    /// A folder.
    case folder
    /// A symbolic link.
    case link(VariableText)
    /// Nothing.
    case absent
    /// What the layer's folder `files` has at this path; with its variables filled in, where asked for.
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
  var name: String
  var position: SourcePosition
  var phase: BuildStep.Phase
  var place: BuildStep.Place
  var script: BuildStep.Script
  var usesNetwork: Bool
  var environment: [DictionaryEntry<VariableText>]
  var secrets: [Located<String>]
  var inputs: [DictionaryEntry<URL>]
}

/// `units:`
struct UnitParts: Sendable, Equatable {
  var added: [Located<URL>] = []
  var enabled: [VariableText] = []
  var disabled: [VariableText] = []
  var masked: [VariableText] = []
  var defaultTarget: VariableText?
}

/// An item of `state: { persist: … }`.
struct PersistPart: Sendable, Equatable {
  var path: VariableText
  var onUpdate: PersistedPath.UpdateRule
}

/// An item of `health:`.
struct HealthPart: Sendable, Equatable, NamedPart {
  var name: String
  var position: SourcePosition
  var command: String
}

/// What an override takes out of a layer, by content or by name.
struct PartRemovals: Sendable, Equatable {
  /// Kinds of parts, by the key that names them.
  enum Kind: String, Sendable, Equatable, CaseIterable {
    case repositories, packages, paths, groups, users, files, steps, units, kernel, firmware, state, health

    /// What one of them is, for a message.
    var noun: String {
      switch self {
      case .repositories: "repository"
      case .packages: "package"
      case .paths: "path rule"
      case .groups: "group"
      case .users: "user"
      case .files: "file"
      case .steps: "step"
      case .units: "unit"
      case .kernel: "kernel argument or module"
      case .firmware: "firmware line"
      case .state: "persisted path"
      case .health: "health check"
      }
    }
  }

  /// What is taken out, in the order of writing.
  var items: [Item] = []

  /// Something that is taken out.
  struct Item: Sendable, Equatable {
    var kind: Kind
    var name: Located<String>
  }
}

/// A change to a layer that the project does not own.
struct LayerOverride: Sendable, Equatable {
  /// Name of the layer.
  var layer: String
  /// Where the name stands.
  var position: SourcePosition
  /// What is taken out of it.
  var removals: PartRemovals
  /// What is merged into it, at its place in the order; what has the same name replaces.
  var parts: LayerParts
}

/// A layer, as its file says it.
struct LayerDefinition: Sendable, Equatable {
  /// Name.
  var name: String
  /// Where it comes from, for people.
  var origin: String
  /// Folder.
  var folder: URL
  /// The beginning of the file.
  var position: SourcePosition
  /// What it is for.
  var about: String
  var requires: [Located<String>]
  var provides: [Located<String>]
  var conflicts: [Located<String>]
  var after: [Located<String>]
  var variables: [VariableDeclaration]
  var parts: LayerParts
}

/// A named list of layers with values for their variables.
struct ProfileDefinition: Sendable, Equatable {
  var name: String
  var position: SourcePosition
  var about: String
  var layers: [Located<String>]
  var variables: [GivenVariable]
}

/// Where a layer comes from, by the name that the project gives it.
public struct LayerSource: Sendable, Equatable {
  /// Name of the layer.
  public var name: String
  /// Where it is named.
  public var position: SourcePosition
  /// Its folder, or its git repository.
  public var location: PackageLocation
}

/// What an image of the kind ``ImageKind/system`` asks for; ``SystemReader`` makes a ``SystemDefinition`` of it.
public struct SystemRequest: Sendable, Equatable {
  var base: BaseChoice?
  var profile: Located<String>?
  var layers: [Located<String>]
  var variables: [GivenVariable]
  var overrides: [LayerOverride]
  var drops: [Located<String>]
  var replacements: [DictionaryEntry<Located<String>>]
  var parts: LayerParts
  /// Where the time zone is named; `nil` where it is not.
  var timezonePosition: SourcePosition?
  /// Where the base is named; `nil` where it is not.
  var basePosition: SourcePosition?
}

/// `base:` of a system.
enum BaseChoice: Sendable, Equatable {
  case debian(suite: String)
  case image(file: URL, sha256: String?, partition: Int?, suite: String?, position: SourcePosition)
}

/// The two kinds of images.
public enum ImageKind: String, Sendable {
  /// Programs, and no distribution.
  case appliance
  /// A distribution made of layers.
  case system
}
