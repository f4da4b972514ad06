import FoundationEssentials
import Glibc

/// A file of the build host could not be read or written.
public struct FileFailure: ExplainedError {
  /// What was tried, as a verb phrase: `read`, `create the folder`.
  public var action: String
  /// The file.
  public var path: String
  /// The system's reason.
  public var reason: String

  /// Makes an error from the system's reason.
  public init(_ action: String, _ path: String, reason: String) {
    self.action = action
    self.path = path
    self.reason = reason
  }

  /// Makes an error from `errno` as it stands.
  public static func last(_ action: String, _ path: String) -> FileFailure {
    FileFailure(action, path, reason: String(cString: strerror(errno)))
  }

  /// The reason in an error that is not Cultivar's own, as of a file that Foundation reads.
  public static func reason(of error: any Error) -> String {
    var error = error
    while let inner = (error as? CocoaError)?.underlying { error = inner }
    return (error as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
  }

  /// The disk under a place is full.
  public static func fullDisk(_ action: String, _ path: String) -> FileFailure {
    FileFailure(action, path, reason: noSpace)
  }

  /// Whether a program's words are those of a full disk.
  public static func tellsOfFullDisk(_ text: String) -> Bool { text.contains(noSpace) }

  private static let noSpace = String(cString: strerror(ENOSPC))

  /// What was being done, and what was wrong.
  public var problem: String { "cannot \(action) \(path): \(reason)" }

  /// What the user can do now.
  public var remedy: String? {
    reason == Self.noSpace
      ? "free some space, or choose another place: CULTIVAR_CACHE for the cache, --output for images" : nil
  }
}
