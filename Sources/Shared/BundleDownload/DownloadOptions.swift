import Glibc
import HTTPClient
import NameResolution

/// Options of a download.
public struct DownloadOptions: Sendable {
  /// Timeouts in seconds, and numbers of attempts.
  public struct Patience: Sendable {
    /// Timeout for connecting to one address, and for the TLS handshake.
    public var connecting = 10
    /// Timeout from the connection to the end of a response's head.
    public var answering = 30
    /// Timeout for the next bytes of the body. Also the period of ``leastBytes``.
    public var silence = 30
    /// Minimum number of bytes of the body in each period of ``silence`` seconds of waiting. Without it, a very slow
    /// server would keep the download alive forever.
    public var leastBytes = 4096
    /// Maximum number of consecutive attempts without progress.
    public var attempts = 8
    /// Pause before the second attempt. Each later pause is twice as long.
    public var firstPause = 1.0
    /// Longest pause that the client chooses.
    public var longestPause = 60.0
    /// Longest pause that a server may ask for. If it asks for a longer one, the download fails.
    public var longestAskedPause = 300

    public init() {}
  }

  /// The certificates that are accepted for TLS.
  public var trust: ServerTrust
  /// Value of the `Authorization` field. It is sent only to the origin of the first address.
  public var authorization: String?
  /// Timeouts and numbers of attempts.
  public var patience: Patience
  /// A function that finds the way to a server.
  public var route: @Sendable (WebAddress.Origin) throws -> HTTPRoute
  /// A function that waits. Tests replace it to save time.
  public var pause: @Sendable (_ seconds: Double) -> Void
  /// A function that returns a random number from 0 to 1, so that the attempts of many devices are spread over time.
  public var chance: @Sendable () -> Double

  public init(
    trust: ServerTrust = .authorities(file: ServerTrust.systemFile), authorization: String? = nil,
    patience: Patience = Patience(), route: @escaping @Sendable (WebAddress.Origin) throws -> HTTPRoute = deviceRoute,
    pause: @escaping @Sendable (Double) -> Void = { usleep(UInt32($0 * 1_000_000)) },
    chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.trust = trust
    self.authorization = authorization
    self.patience = patience
    self.route = route
    self.pause = pause
    self.chance = chance
  }

  /// The way to a server from a device: its addresses by Cultivar's own resolver, and no proxy.
  @Sendable public static func deviceRoute(to origin: WebAddress.Origin) throws -> HTTPRoute {
    try HTTPRoute(to: origin, at: NameResolver().addresses(of: origin.host))
  }

  /// The pause in seconds after failed attempts. It grows exponentially, and half of it is random.
  ///
  /// - Parameter failures: Number of consecutive failed attempts, from 1.
  func pause(after failures: Int) -> Double {
    let whole = min(patience.longestPause, patience.firstPause * Double(1 << min(failures - 1, 30)))
    return whole / 2 + whole / 2 * chance()
  }
}
