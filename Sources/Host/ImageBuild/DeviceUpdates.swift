import DeviceModel
import FoundationEssentials
import HostSystem
import Project
import Trust

/// The parts of an image whose devices take updates: the updater's plan and the root of trust.
struct DeviceUpdates: Sendable {
  private let definition: UpdateDefinition
  /// The content of the root of trust, as written to the device.
  let trust: [UInt8]
  /// The file on the build host with the root of trust.
  var trustFile: URL { definition.trust }
  private let release: ReleaseDefinition
  /// Health checks of layers.
  private let layerChecks: [HealthCheckPlan]

  /// Timeout of a layer's health check, in seconds.
  private static let layerCheckTimeout = 30

  /// Reads the root of trust. Returns `nil` for an image whose devices take no updates.
  ///
  /// - Throws: ``ImageFailure/noRootOfTrust(_:reason:position:)``.
  init?(_ image: ImageDefinition, _ system: SystemDefinition? = nil, of release: ReleaseDefinition) throws {
    guard let definition = image.update else { return nil }
    self.definition = definition
    self.release = release
    trust = try FolderTree.readFile(definition.trust.path)
    do throws(TrustFailure) {
      _ = try SignedTrustRoot(file: trust)
    } catch {
      throw ImageFailure.noRootOfTrust(definition.trust.path, reason: "\(error)", position: definition.position)
    }
    layerChecks = (system?.layers ?? []).flatMap(\.healthChecks).map { check in
      HealthCheckPlan(
        name: check.name, kind: .command(["/bin/sh", "-c", check.command]), timeout: Self.layerCheckTimeout)
    }
  }

  /// Checks that devices would accept the signatures of a signer.
  ///
  /// - Throws: ``ImageFailure/signedByStrangers(_:position:)``.
  func check(_ signer: ReleaseSigner) throws {
    guard signer.isBelieved(by: try SignedTrustRoot(file: trust).root) else {
      throw ImageFailure.signedByStrangers(definition.trust.path, position: definition.position)
    }
  }

  /// The updater's plan.
  ///
  /// - Parameter time: Timestamp of everything in the image, in seconds since 1970.
  func plan(_ identity: ImageIdentity, time: Int64) throws -> [UInt8] {
    var health = definition.health
    health.checks += layerChecks
    return try PlanText.encode(
      UpdatePlan(
        image: identity, securityEpoch: release.epoch, allowsDowngrade: definition.allowsDowngrade,
        dataSchema: release.dataSchema, buildTime: UInt64(clamping: time), health: health))
  }
}
