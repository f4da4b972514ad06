import FoundationEssentials
import HostSystem
import Sandbox

extension Cache {
  /// The cache of the environment.
  ///
  /// - Throws: `FileFailure`.
  static func ofUser(_ environment: [String: String]) throws -> Cache {
    try Cache(at: defaultFolder(environment: environment)) { Sandbox.remove(URL(fileURLWithPath: $0)) }
  }
}

/// How large the cache may be when a build has ended.
struct CacheLimit {
  /// The limit where nobody has set one: some dozens of images, and the packages of several suites.
  static let usual: Int64 = 40 << 30

  /// Bytes; `nil` for no limit.
  var bytes: Int64?
  /// Whether nobody has set it, so that it is lower on a small disk.
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

  /// Bytes of a size as in `20G`, `500M`; `nil` where the text is none.
  static func size(_ text: String) -> Int64? {
    let shifts: [Character: Int64] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { shifts[$0] }
    let digits = shift == nil ? text[...] : text.dropLast()
    guard digits.allSatisfy(\.isNumber), let number = Int64(digits), number <= Int64.max >> (shift ?? 0) else {
      return nil
    }
    return number << (shift ?? 0)
  }

  /// Seconds of a time as in `30d`, `12h`; `nil` where the text is none.
  static func seconds(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["h": 3_600, "d": 86_400, "w": 604_800]
    guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), 0...100_000 ~= number else {
      return nil
    }
    return number * unit
  }

  /// A value of `CULTIVAR_CACHE_LIMIT` that is no size.
  struct NoSize: ExplainedError {
    var text: String

    var problem: String { "CULTIVAR_CACHE_LIMIT is '\(text)', which is not a size" }
    var remedy: String? { "write a size as in 500M or 20G, or none" }
  }
}
