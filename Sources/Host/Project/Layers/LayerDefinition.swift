import FoundationEssentials

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
struct LayerOverride: Sendable, Equatable, NamedPart {
  /// Name of the layer.
  var name: String
  /// Position of the name.
  var position: SourcePosition
  /// Parts to remove from the layer.
  var removals: PartRemovals
  /// Parts to merge into the layer. They replace parts with the same name.
  var parts: LayerParts<WrittenForm>
}

/// A layer, as its file describes it.
struct LayerDefinition: Sendable, Equatable {
  var name: String
  /// Origin, as text for messages and reports.
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
  var parts: LayerParts<WrittenForm>
}

/// A named list of layers with values for their variables.
struct ProfileDefinition: Sendable, Equatable, NamedPart {
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
  var base: SystemBase?
  var profile: Located<String>?
  var layers: [Located<String>]
  var variables: [GivenVariable]
  var overrides: [LayerOverride]
  var drops: [Located<String>]
  var replacements: [DictionaryEntry<Located<String>>]
  var parts: LayerParts<WrittenForm>
  /// Position of the time zone; `nil` if there is none.
  var timezonePosition: SourcePosition?
  /// Position of the base; `nil` if there is none.
  var basePosition: SourcePosition?
}

/// A kind of image.
public enum ImageKind: String, Sendable {
  /// Programs without a distribution.
  case appliance
  /// A distribution made of layers.
  case system
}
