import FoundationEssentials
import Glibc

/// A file of the build host could not be read or written.
public struct FileFailure: ExplainedError {
  /// The action that failed, as a verb phrase: `read`, `create the folder`.
  public var action: String
  public var path: String
  /// The system's reason.
  public var reason: String

  public init(_ action: String, _ path: String, reason: String) {
    self.action = action
    self.path = path
    self.reason = reason
  }

  /// Makes an error from the current `errno`.
  public static func last(_ action: String, _ path: String) -> FileFailure {
    FileFailure(action, path, reason: String(cString: strerror(errno)))
  }

  /// Returns the reason in an error that is not Cultivar's own, such as an error of Foundation.
  public static func reason(of error: any Error) -> String {
    var error = error
    while let inner = (error as? CocoaError)?.underlying { error = inner }
    return (error as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
  }

  /// Makes an error for a full disk.
  public static func fullDisk(_ action: String, _ path: String) -> FileFailure {
    FileFailure(action, path, reason: noSpace)
  }

  /// Returns true if a program's output reports a full disk.
  public static func tellsOfFullDisk(_ text: String) -> Bool { text.contains(noSpace) }

  private static let noSpace = String(cString: strerror(ENOSPC))

  public var problem: String { "cannot \(action) \(path): \(reason)" }

  public var remedy: String? {
    reason == Self.noSpace
      ? "free some space, or choose another place: CULTIVAR_CACHE for the cache, --output for images" : nil
  }
}
