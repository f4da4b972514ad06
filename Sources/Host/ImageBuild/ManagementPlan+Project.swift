import DeviceModel
import Project

extension ManagementPlan {
  /// The plan that a project asks for.
  init(_ definition: ManagementDefinition) {
    self.init(
      addresses: definition.addresses.isEmpty ? ["0.0.0.0", "::"] : definition.addresses, port: definition.port,
      tokenHash: definition.tokenHash.flatMap(Fingerprint.init(hexadecimal:)))
  }
}
