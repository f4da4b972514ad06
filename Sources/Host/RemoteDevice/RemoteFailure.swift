import DeviceModel
import Hashing
import HostSystem

/// An error in the management of a device from this machine.
public enum RemoteFailure: ExplainedError, Equatable {
  /// The text is not a host, or a host and port.
  case noAddress(String)
  /// The device's certificate is not known on this machine.
  case unknownDevice(DeviceAddress, found: Digest)
  /// The device's certificate differs from the known one.
  case otherCertificate(DeviceAddress, known: Digest, found: Digest)
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
    case .noAddress(let text): "'\(text)' is not a HOST or HOST:PORT"
    case .unknownDevice(let address, let found):
      "the device at \(address) is unknown; the SHA-256 of its certificate is\n  \(found)"
    case .otherCertificate(let address, let known, let found):
      "the device at \(address) has another certificate than the known one:\n  \(found), not\n  \(known)"
    case .noTokenFor(let address): "there is no token for the device at \(address)"
    case .noToken(let file): "\(file) does not contain exactly one token"
    case .tokenRefused(let address): "the device at \(address) does not accept the token"
    case .notReachable(let address, let reason): "cannot reach the device at \(address): \(reason)"
    case .lost(let address): "the connection to \(address) was lost"
    case .refused(_, let reason): "the device refuses: \(reason)"
    case .noAnswer(let address, let status):
      "the server at \(address) is not a Cultivar device: it answered with status \(status)"
    case .notInstalled(let address): "the connection to \(address) was lost before the release was installed"
    case .gone(let address, let seconds): "the device at \(address) sent no news for \(seconds) s"
    case .knownDevices(let path): "\(path) is not a list of known devices"
    }
  }

  public var remedy: String? {
    switch self {
    case .noAddress: "write for example 192.0.2.7, gateway.example:8443, or [2001:db8::7]:8443"
    case .unknownDevice:
      "compare it with the output of `cultivarctl api` on the device, then give it with --fingerprint"
    case .otherCertificate:
      "somebody may intercept the connection. If the device's data is new, compare the certificate with the output of "
        + "`cultivarctl api` on the device, then give it with --fingerprint"
    case .noTokenFor: "give a file with the token once: --token-file FILE"
    case .noToken, .knownDevices: "correct the file, or remove it"
    case .tokenRefused: "give the token whose hash is on the device: --token-file FILE"
    case .notReachable: "check that the device is on, and that `management:` is in its project file"
    case .lost, .notInstalled: "try again; the installation continues where it stopped"
    case .gone:
      "look at the device's console; if the new release does not boot, the device falls back to the previous one"
    case .refused, .noAnswer: nil
    }
  }
}
