import DeviceModel
import HostSystem

/// Why a device could not be managed from here.
public enum RemoteFailure: ExplainedError, Equatable {
  /// What was given is no host, or host and port.
  case noAddress(String)
  /// The device's certificate is not known here.
  case unknownDevice(DeviceAddress, found: Fingerprint)
  /// The device has another certificate than the one that is known.
  case otherCertificate(DeviceAddress, known: Fingerprint, found: Fingerprint)
  /// There is no token for the device.
  case noTokenFor(DeviceAddress)
  /// A file has no token in its only line.
  case noToken(file: String)
  /// The device does not know the token.
  case tokenRefused(DeviceAddress)
  /// Nobody answers.
  case notReachable(DeviceAddress, reason: String)
  /// The connection broke off.
  case lost(DeviceAddress)
  /// The device said no.
  case refused(status: Int, reason: String)
  /// The answer is none of the API's.
  case noAnswer(DeviceAddress, status: Int)
  /// The connection was lost before the bundle was installed.
  case notInstalled(DeviceAddress)
  /// The device did not come back.
  case gone(DeviceAddress, seconds: Int)
  /// The file of known devices cannot be read.
  case knownDevices(path: String)

  /// What was wrong.
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

  /// What to do now.
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
