/// What can be asked of the updater over ``DevicePaths/updateSocket``: one JSON object on one line.
public enum UpdateRequest: Codable, Sendable, Equatable {
  /// What the descriptor is that comes with a request to install.
  public enum Source: String, Codable, Sendable {
    /// A file, which can be read at any place.
    case file
    /// A pipe or socket with the bundle from front to back.
    case stream
    /// A socket whose other end answers requests for ranges (``RangeRequest``).
    case ranges
  }

  /// When a release that was installed is tried.
  public enum Restart: String, Codable, Sendable, CaseIterable {
    /// The device restarts into it at once.
    case now
    /// At the next start, whoever makes it.
    case later
    /// When ``UpdateRequest/tryHeld`` asks for it.
    case no
  }

  /// What the slots hold and what is being done; answered by ``UpdateReply/status(_:)``.
  case status
  /// The same, each time that it has changed, without an end.
  case follow
  /// How a bundle is installed.
  public struct Options: Codable, Sendable, Equatable {
    /// When its release is tried.
    public var restart: Restart
    /// True to try a release again that has failed on the device.
    public var force: Bool
    /// True to take a release of the same security epoch that has a lower version than the one that runs.
    public var allowDowngrade: Bool

    /// Makes options.
    public init(restart: Restart = .now, force: Bool = false, allowDowngrade: Bool = false) {
      self.restart = restart
      self.force = force
      self.allowDowngrade = allowDowngrade
    }
  }

  /// Installs the bundle in the descriptor that comes with the request; answered by ``UpdateReply/wanted`` before anything is read of it,
  /// ``UpdateReply/progress(_:)`` as often as there is some, and ``UpdateReply/installed(_:)``.
  case install(source: Source, Options)
  /// Ends what is being installed, or takes a release back that waits for its trial.
  case cancel
  /// Commits the release on trial.
  case commit
  /// Goes back to the release before, and restarts.
  case rollBack
  /// Restarts into a release that waits to be asked for.
  case tryHeld

  /// Bytes that a request may have, with its line end.
  public static let maximumSize = 4096
}

/// An answer of the updater: one JSON object on one line.
public enum UpdateReply: Codable, Sendable, Equatable {
  /// It is done.
  case done
  /// It cannot be done; the reason is a sentence for the user.
  case failure(reason: String, UpdateRefusal)
  /// What the slots hold and what is being done.
  case status(UpdateStatus)
  /// The bundle is going to be read: no other update is being worked on.
  case wanted
  /// How far an installation is.
  case progress(InstallProgress)
  /// A release was installed.
  case installed(UpdateRecord)

  /// Bytes that an answer may have, with its line end.
  public static let maximumSize = 1 << 20
}

/// Why something cannot be done, as far as a program acts upon it.
public enum UpdateRefusal: String, Codable, Sendable {
  /// Another update is being worked on.
  case busy
  /// The bundle changes another release than the one that runs.
  case otherBase
  /// Too many ask for the same.
  case crowded
  /// Anything else.
  case other
}

/// What a device is asked to fetch: the body of `POST /v1/update/fetch`.
public struct FetchRequest: Codable, Sendable, Equatable {
  /// Where the bundle is.
  public var url: String
  /// When its release is tried; at once, where it is not said.
  public var restart: UpdateRequest.Restart?
  /// Whether a release is tried again that has failed on the device.
  public var force: Bool?
  /// Whether a release is taken that has a lower version than the one that runs.
  public var allowDowngrade: Bool?
  /// SHA-256 of the web server's certificate, in hexadecimal, where no authority vouches for it that the device knows.
  public var serverCertificate: String?

  /// Makes a request.
  public init(url: String, _ options: UpdateRequest.Options, serverCertificate: String?) {
    self.url = url
    restart = options.restart
    force = options.force
    allowDowngrade = options.allowDowngrade
    self.serverCertificate = serverCertificate
  }

  /// How the bundle is installed.
  public var options: UpdateRequest.Options {
    UpdateRequest.Options(restart: restart ?? .now, force: force ?? false, allowDowngrade: allowDowngrade ?? false)
  }
}

/// A range of a bundle that the updater asks the other end of a socket for, in 20 bytes, little-endian: whoever fetches from the network
/// has no rights over the disks, and whoever has these does not speak with the network.
///
/// The answer is one byte, 0 for the bytes that were asked for or 1 for a reason why not, a length of 4 bytes, and those bytes.
public struct RangeRequest: Equatable, Sendable {
  /// Bytes of a request.
  public static let length = 20
  /// Bytes that an answer may have after its head.
  public static let mostBytes: UInt32 = 16 << 20

  /// First byte.
  public var offset: UInt64
  /// How far the asking will go on without a gap.
  public var end: UInt64
  /// Bytes that are wanted.
  public var count: UInt32

  /// Makes a request.
  public init(offset: UInt64, end: UInt64, count: UInt32) {
    self.offset = offset
    self.end = end
    self.count = count
  }

  /// Reads a request.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.length else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(offset: number(0..<8), end: number(8..<16), count: UInt32(number(16..<20)))
  }

  /// The request's bytes.
  public var bytes: [UInt8] {
    func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }
    return bytes(offset) + bytes(end) + bytes(count)
  }
}
