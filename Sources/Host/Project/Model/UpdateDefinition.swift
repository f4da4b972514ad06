import DeviceModel
import FoundationEssentials

/// Settings for updates of an image's devices (`update:`).
public struct UpdateDefinition: Sendable, Equatable {
  /// Position in the project file.
  public var position: SourcePosition
  /// File with the root of trust. Devices install only bundles that its keys or authorities sign.
  public var trust: URL
  /// True if devices install a release with a lower version and the same security epoch without being asked
  /// (`downgrade: allowed`).
  public var allowsDowngrade: Bool
  /// Conditions for committing a release on trial.
  public var health: HealthPlan
}
