import DeviceModel

/// A command of `cultivarctl` about releases and slots.
public enum UpdateCommand: Equatable, Sendable {
  /// Install a bundle from a path, a URL, or `-` for standard input. `serverCertificate` is the SHA-256 of the web
  /// server's certificate, in hexadecimal.
  case install(source: String, UpdateRequest.Options, serverCertificate: String? = nil)
  /// Show the current activity and the release on trial.
  case status(json: Bool)
  /// Cancel an installation, or withdraw a release that waits for its trial.
  case cancel
  /// Restart into a release that was installed to be tried on request.
  case tryHeld
  case slots
  case commit
  /// Go back to the previous release.
  case rollBack
  /// Show the results of the last updates.
  case history
}
