import Glibc
import NameResolution

/// How a bundle is fetched.
public struct DownloadOptions: Sendable {
  /// Whom servers must be vouched for by, where TLS is spoken.
  public enum Trust: Equatable, Sendable {
    /// By one of the certificates in a PEM file; the system's own is ``systemFile``.
    case authorities(file: String)
    /// By nobody: the server has the certificate with this SHA-256, whatever it says of names and times.
    case certificate(fingerprint: [UInt8])

    /// The file in which Linux systems have the certificates of public authorities.
    public static let systemFile = "/etc/ssl/certs/ca-certificates.crt"
  }

  /// Limits in seconds, and of attempts.
  public struct Patience: Sendable {
    /// To connect to one address.
    public var connecting = 10
    /// From the connection to the end of an answer's head.
    public var answering = 30
    /// Without a byte of the body.
    public var silence = 30
    /// Bytes of the body that have to come in so many seconds of waiting: a trickle would go on for ever.
    public var leastBytes = 4096
    /// Attempts one after the other that bring nothing.
    public var attempts = 8
    /// Before the second attempt; each later one waits twice as long.
    public var firstPause = 1.0
    /// Longest pause of our own.
    public var longestPause = 60.0
    /// Longest pause that a server may ask for; with a longer one the download ends.
    public var longestAskedPause = 300

    /// The usual limits.
    public init() {}
  }

  /// Whom servers must be vouched for by.
  public var trust: Trust
  /// Value of the `Authorization` field, for the origin of the first address alone.
  public var authorization: String?
  /// Limits.
  public var patience: Patience
  /// Who finds the addresses of hosts.
  public var resolver: NameResolver
  /// Waits; tests pass the time more quickly.
  public var pause: @Sendable (_ seconds: Double) -> Void
  /// A number from 0 to 1 by which attempts of many devices fall apart in time.
  public var chance: @Sendable () -> Double

  /// Makes options.
  public init(
    trust: Trust = .authorities(file: Trust.systemFile), authorization: String? = nil, patience: Patience = Patience(),
    resolver: NameResolver = NameResolver(),
    pause: @escaping @Sendable (Double) -> Void = { usleep(UInt32($0 * 1_000_000)) },
    chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.trust = trust
    self.authorization = authorization
    self.patience = patience
    self.resolver = resolver
    self.pause = pause
    self.chance = chance
  }

  /// How long to wait after attempts that brought nothing: exponential, with half of it by chance.
  ///
  /// - Parameter failures: 1 after the first.
  func pause(after failures: Int) -> Double {
    let whole = min(patience.longestPause, patience.firstPause * Double(1 << min(failures - 1, 30)))
    return whole / 2 + whole / 2 * chance()
  }
}
