import FoundationEssentials

/// The parts that a layer or an image adds, as its file describes them. Variables are not filled in yet.
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

/// A part with a name, by which it can be replaced and removed.
protocol NamedPart {
  var name: String { get }
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

/// The parts that an override removes from a layer, by content or by name.
struct PartRemovals: Sendable, Equatable {
  /// A kind of parts; the raw value is its key.
  enum Kind: String, Sendable, Equatable, CaseIterable {
    case repositories, packages, paths, groups, users, files, steps, units, kernel, firmware, state, health

    /// Noun for one part of this kind, for messages.
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

  /// Parts to remove, in the order of the file.
  var items: [Item] = []

  /// A part to remove.
  struct Item: Sendable, Equatable {
    var kind: Kind
    var name: Located<String>
  }
}

/// A change to a layer that the project does not own.
struct LayerOverride: Sendable, Equatable {
  var layer: String
  /// Position of the name.
  var position: SourcePosition
  /// Parts to remove from the layer.
  var removals: PartRemovals
  /// Parts to merge into the layer. They replace parts with the same name.
  var parts: LayerParts
}

/// A layer, as its file describes it.
struct LayerDefinition: Sendable, Equatable {
  var name: String
  /// Origin, for people.
  var origin: String
  var folder: URL
  /// Beginning of the layer's file.
  var position: SourcePosition
  /// Purpose of the layer.
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

/// The source of a layer, with the name that the project gives it.
public struct LayerSource: Sendable, Equatable {
  public var name: String
  /// Position of the name.
  public var position: SourcePosition
  public var location: PackageLocation
}

/// The parts of an image of the kind ``ImageKind/system``. ``SystemReader`` turns them into a ``SystemDefinition``.
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

/// A kind of image.
public enum ImageKind: String, Sendable {
  /// Programs without a distribution.
  case appliance
  /// A distribution made of layers.
  case system
}
