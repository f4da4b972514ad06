import DeviceModel
import Project

extension ManagementPlan {
  /// Converts the definition in the project file.
  init(_ definition: ManagementDefinition) {
    self.init(
      addresses: definition.addresses.isEmpty ? ["0.0.0.0", "::"] : definition.addresses, port: definition.port,
      tokenHash: definition.tokenHash.flatMap(Fingerprint.init(hexadecimal:)))
  }
}
