import FoundationEssentials
import HostSystem
import Sandbox

extension Cache {
  /// Opens the user's cache, as the environment defines it.
  ///
  /// - Throws: `FileFailure`.
  static func ofUser(_ environment: [String: String]) throws -> Cache {
    try Cache(at: defaultFolder(environment: environment)) { Sandbox.remove(URL(fileURLWithPath: $0)) }
  }
}

/// The maximum size of the cache after a build.
struct CacheLimit {
  /// The default limit. It is enough for some dozens of images and the packages of several suites.
  static let usual: Int64 = 40 << 30

  /// The limit in bytes; `nil` for no limit.
  var bytes: Int64?
  /// True for the default limit, which is lower on a small disk.
  var isUsual = false

  /// Reads `CULTIVAR_CACHE_LIMIT`.
  ///
  /// - Throws: ``NoSize``.
  init(environment: [String: String]) throws(NoSize) {
    guard let text = environment["CULTIVAR_CACHE_LIMIT"], !text.isEmpty else {
      bytes = Self.usual
      isUsual = true
      return
    }
    if text == "none" { return }
    guard let size = Self.size(text) else { throw NoSize(text: text) }
    bytes = size
  }

  /// Parses a size like `20G` or `500M` to bytes; `nil` if the text is not a size.
  static func size(_ text: String) -> Int64? {
    let shifts: [Character: Int64] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { shifts[$0] }
    let digits = shift == nil ? text[...] : text.dropLast()
    guard digits.allSatisfy(\.isNumber), let number = Int64(digits), number <= Int64.max >> (shift ?? 0) else {
      return nil
    }
    return number << (shift ?? 0)
  }

  /// Parses a time like `30d` or `12h` to seconds; `nil` if the text is not a time.
  static func seconds(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["h": 3_600, "d": 86_400, "w": 604_800]
    guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), 0...100_000 ~= number else {
      return nil
    }
    return number * unit
  }

  /// An error for a value of `CULTIVAR_CACHE_LIMIT` that is not a size.
  struct NoSize: ExplainedError {
    var text: String

    var problem: String { "CULTIVAR_CACHE_LIMIT is '\(text)', which is not a size" }
    var remedy: String? { "write a size such as 500M or 20G, or none" }
  }
}
