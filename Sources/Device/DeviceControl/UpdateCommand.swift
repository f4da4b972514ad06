import DeviceModel

/// What `cultivarctl` is asked to do about releases and slots.
public enum UpdateCommand: Equatable, Sendable {
  /// Install a bundle: a path, a URL, or `-` for standard input. Of the web server's certificate the SHA-256 may be given, in
  /// hexadecimal.
  case install(source: String, UpdateRequest.Options, serverCertificate: String? = nil)
  /// Show what is being done, and what is on trial.
  case status(json: Bool)
  /// End an installation, or take a release back that waits for its trial.
  case cancel
  /// Restart into a release that waits to be asked for.
  case tryHeld
  /// Show the slots.
  case slots
  /// Commit the release on trial.
  case commit
  /// Go back to the release before.
  case rollBack
  /// Show what became of the last updates.
  case history
}
