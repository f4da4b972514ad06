import DeviceModel
import HostSystem

/// An error in the management of a device from this machine.
public enum RemoteFailure: ExplainedError, Equatable {
  /// The text is not a host, or a host and port.
  case noAddress(String)
  /// The device's certificate is not known on this machine.
  case unknownDevice(DeviceAddress, found: Fingerprint)
  /// The device's certificate differs from the known one.
  case otherCertificate(DeviceAddress, known: Fingerprint, found: Fingerprint)
  /// No token is known for the device.
  case noTokenFor(DeviceAddress)
  /// The file does not contain exactly one token.
  case noToken(file: String)
  /// The device does not accept the token.
  case tokenRefused(DeviceAddress)
  /// The device does not answer.
  case notReachable(DeviceAddress, reason: String)
  /// The connection was lost.
  case lost(DeviceAddress)
  /// The device refused the request.
  case refused(status: Int, reason: String)
  /// The response does not belong to the management API.
  case noAnswer(DeviceAddress, status: Int)
  /// The connection was lost before the bundle was installed.
  case notInstalled(DeviceAddress)
  /// The device did not answer again after the installation.
  case gone(DeviceAddress, seconds: Int)
  /// The file of known devices cannot be read.
  case knownDevices(path: String)

  public var problem: String {
    switch self {
    case .noAddress(let text): "'\(text)' is no host, and no host and port"
    case .unknownDevice(let address, let found):
      "the device at \(address) is not known here; the SHA-256 of its certificate is\n  \(found)"
    case .otherCertificate(let address, let known, let found):
      "the device at \(address) has another certificate than the one that is known here:\n  \(found), not\n  \(known)"
    case .noTokenFor(let address): "there is no token for the device at \(address)"
    case .noToken(let file): "\(file) has no token in its only line"
    case .tokenRefused(let address): "the device at \(address) does not take the token"
    case .notReachable(let address, let reason): "the device at \(address) cannot be reached: \(reason)"
    case .lost(let address): "the connection to \(address) broke off"
    case .refused(_, let reason): "the device refuses: \(reason)"
    case .noAnswer(let address, let status):
      "what answers at \(address) with status \(status) is no device of Cultivar's"
    case .notInstalled(let address): "the connection to \(address) broke off before the release was installed"
    case .gone(let address, let seconds): "the device at \(address) told nothing new for \(seconds) s"
    case .knownDevices(let path): "\(path) cannot be read as the list of known devices"
    }
  }

  public var remedy: String? {
    switch self {
    case .noAddress: "for example 192.0.2.7, gateway.example:8443, or [2001:db8::7]:8443"
    case .unknownDevice: "compare it with what `cultivarctl api` shows on the device, and give it with --fingerprint"
    case .otherCertificate:
      "somebody may be in between. If the device's data were made anew, compare with `cultivarctl api` and use --fingerprint"
    case .noTokenFor: "give its file with --token-file; it is remembered"
    case .noToken, .knownDevices: "put it right, or remove it"
    case .tokenRefused: "--token-file FILE, with the token whose hash the device has"
    case .notReachable: "see whether it is on, and whether its project has `management`"
    case .lost, .notInstalled: "try again; an installation goes on where it stood"
    case .gone: "look at its console; the release before is started where the new one does not come up"
    case .refused, .noAnswer: nil
    }
  }
}
