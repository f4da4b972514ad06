import DeviceModel
import FoundationEssentials
import HostSystem
import Project
import Trust

/// What an image needs whose devices take updates: the plan of its updater, and whom it trusts.
struct DeviceUpdates {
  private let definition: UpdateDefinition
  /// The root of trust, as the device gets it.
  let trust: [UInt8]
  /// The file that it stands in.
  var trustFile: URL { definition.trust }
  private let release: ReleaseDefinition
  /// What layers want to be looked at.
  private let layerChecks: [HealthCheckPlan]

  /// Seconds that a layer's check may take.
  private static let layerCheckTimeout = 30

  /// Reads the root of trust; `nil` for an image whose devices take no updates.
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

  /// Checks that devices would take what a signer signs.
  ///
  /// - Throws: ``ImageFailure/signedByStrangers(_:position:)``.
  func check(_ signer: ReleaseSigner) throws {
    guard signer.isBelieved(by: try SignedTrustRoot(file: trust).root) else {
      throw ImageFailure.signedByStrangers(definition.trust.path, position: definition.position)
    }
  }

  /// The plan.
  ///
  /// - Parameter time: Of everything in the image, in seconds since 1970.
  func plan(_ identity: ImageIdentity, time: Int64) throws -> [UInt8] {
    let own = definition.health.checks.map { check in
      HealthCheckPlan(name: check.name, kind: check.kind.onDevice, timeout: check.timeout)
    }
    return try PlanText.encode(
      UpdatePlan(
        image: identity, securityEpoch: release.epoch, allowsDowngrade: definition.downgrade == .allowed,
        dataSchema: release.dataSchema,
        buildTime: UInt64(clamping: time),
        health: HealthPlan(
          duration: definition.health.duration, timeout: definition.health.timeout, checks: own + layerChecks)))
  }
}

extension HealthCheckDefinition.Kind {
  /// The check as the device knows it.
  fileprivate var onDevice: HealthCheckPlan.Kind {
    switch self {
    case .tcp(let address, let port): .tcp(address: address, port: port)
    case .http(let address, let port, let path, let text):
      .http(address: address, port: port, path: path, contains: text)
    case .file(let path): .file(path: path)
    case .command(let words): .command(words)
    }
  }
}
