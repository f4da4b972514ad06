/// A request to the updater over ``DevicePaths/updateSocket``: one JSON object on one line.
public enum UpdateRequest: Codable, Sendable, Equatable {
  /// The kind of descriptor that accompanies a request to install.
  public enum Source: String, Codable, Sendable {
    /// A file with random access.
    case file
    /// A pipe or socket that delivers the bundle sequentially.
    case stream
    /// A socket whose peer answers requests for ranges (``RangeRequest``).
    case ranges
  }

  /// The time of an installed release's trial.
  public enum Restart: String, Codable, Sendable, CaseIterable {
    /// The device restarts immediately.
    case now
    /// The release is tried at the next start, whatever its cause.
    case later
    /// The release is tried after ``UpdateRequest/tryHeld``.
    case no
  }

  /// Reads the state of slots and updates. The answer is ``UpdateReply/status(_:)``.
  case status
  /// Reads the state now and after each change, without an end.
  case follow
  /// Options of an installation.
  public struct Options: Codable, Sendable, Equatable {
    /// The time of the release's trial.
    public var restart: Restart
    /// True to try a release again that failed on this device.
    public var force: Bool
    /// True to accept a release of the same security epoch with a lower version than the running one.
    public var allowDowngrade: Bool

    public init(restart: Restart = .now, force: Bool = false, allowDowngrade: Bool = false) {
      self.restart = restart
      self.force = force
      self.allowDowngrade = allowDowngrade
    }
  }

  /// Installs a bundle from the descriptor that accompanies the request. The answers are ``UpdateReply/wanted`` before
  /// the bundle is read, any number of ``UpdateReply/progress(_:)``, and ``UpdateReply/installed(_:)``.
  case install(source: Source, Options)
  /// Cancels the current installation, or the pending trial of an installed release.
  case cancel
  /// Commits the release on trial.
  case commit
  /// Returns to the previous release and restarts.
  case rollBack
  /// Restarts into an installed release that was held back with ``Restart/no``.
  case tryHeld

  /// Maximum bytes of a request, including the line feed.
  public static let maximumSize = 4096
}

/// An answer of the updater: one JSON object on one line.
public enum UpdateReply: Codable, Sendable, Equatable {
  /// The request was carried out.
  case done
  /// The request failed; the reason is a sentence for the user.
  case failure(reason: String, UpdateRefusal)
  /// The state of slots and updates.
  case status(UpdateStatus)
  /// The updater starts to read the bundle: no other update is in progress.
  case wanted
  /// The progress of an installation.
  case progress(InstallProgress)
  /// A release was installed.
  case installed(UpdateRecord)

  /// Maximum bytes of an answer, including the line feed.
  public static let maximumSize = 1 << 20
}

/// The kind of a failure, for programs that react to it.
public enum UpdateRefusal: String, Codable, Sendable {
  /// Another update is in progress.
  case busy
  /// The bundle updates a release other than the running one.
  case otherBase
  /// Too many clients follow the updates already.
  case crowded
  /// Anything else.
  case other
}

/// The body of `POST /v1/update/fetch`: a bundle to download and install.
public struct FetchRequest: Codable, Sendable, Equatable {
  /// URL of the bundle.
  public var url: String
  /// The time of the release's trial; `nil` for immediately.
  public var restart: UpdateRequest.Restart?
  /// True to try a release again that failed on this device.
  public var force: Bool?
  /// True to accept a release with a lower version than the running one.
  public var allowDowngrade: Bool?
  /// SHA-256 of the web server's certificate, in hexadecimal. Accepts exactly this certificate, without a CA.
  public var serverCertificate: String?

  public init(url: String, _ options: UpdateRequest.Options, serverCertificate: String?) {
    self.url = url
    restart = options.restart
    force = options.force
    allowDowngrade = options.allowDowngrade
    self.serverCertificate = serverCertificate
  }

  /// Options of the installation.
  public var options: UpdateRequest.Options {
    UpdateRequest.Options(restart: restart ?? .now, force: force ?? false, allowDowngrade: allowDowngrade ?? false)
  }
}

/// A request by the updater for a range of a bundle, sent over a socket: 20 bytes, little-endian. The process that
/// downloads has no access to the disks, and the process with access to the disks does not use the network.
///
/// The answer is one byte, 0 for success or 1 for failure, then a length of 4 bytes, then the requested bytes or the
/// reason.
public struct RangeRequest: Equatable, Sendable {
  /// Bytes of a request.
  public static let length = 20
  /// Maximum bytes of an answer after its head.
  public static let mostBytes: UInt32 = 16 << 20

  /// Offset of the first byte.
  public var offset: UInt64
  /// End of the bytes that are read without a gap, as far as the updater knows.
  public var end: UInt64
  /// Number of requested bytes.
  public var count: UInt32

  public init(offset: UInt64, end: UInt64, count: UInt32) {
    self.offset = offset
    self.end = end
    self.count = count
  }

  /// Parses a request; `nil` if the length is wrong.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.length else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(offset: number(0..<8), end: number(8..<16), count: UInt32(number(16..<20)))
  }

  public var bytes: [UInt8] {
    func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }
    return bytes(offset) + bytes(end) + bytes(count)
  }
}
