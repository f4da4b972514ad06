import Glibc
import NIOHTTP1

/// The range of a file's bytes in a response (RFC 9110, section 14.4).
struct ContentRange: Equatable {
  /// The range; `nil` if the file has none of the requested bytes.
  var bytes: Range<UInt64>?
  /// Size of the whole file in bytes; `nil` if the server does not know it.
  var total: UInt64?

  /// Parses the value of `Content-Range`; `nil` if it is invalid.
  init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: true)
    guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
    let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    if parts[1] != "*" {
      guard let number = UInt64(parts[1]) else { return nil }
      total = number
    }
    guard parts[0] != "*" else { return }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last < total ?? .max else {
      return nil
    }
    bytes = first..<last + 1
  }
}

/// Identifies a file across requests.
struct FileIdentity: Equatable {
  /// The `ETag` without its prefix for weak tags.
  var tag: String?
  /// `Last-Modified`.
  var modified: String?
  /// Size of the whole file in bytes.
  var total: UInt64?

  /// Reads the identity from the head of a response.
  init(_ head: HTTPResponseHead, total: UInt64?) {
    let tag = head.headers.first(name: "ETag")
    isWeak = tag?.hasPrefix("W/") ?? false
    self.tag = tag.map { isWeak ? String($0.dropFirst(2)) : $0 }
    modified = head.headers.first(name: "Last-Modified")
    self.total = total
  }

  private var isWeak: Bool

  /// Value of `If-Range`: the server sends the requested range only if the file is still this one. Weak tags are not
  /// allowed here (RFC 9110, section 13.1.5).
  var condition: String? { isWeak ? modified : tag ?? modified }

  /// True unless a property that both identities have is different.
  func mayBe(_ other: FileIdentity) -> Bool {
    func agree<Value: Equatable>(_ one: Value?, _ other: Value?) -> Bool { one == nil || other == nil || one == other }
    return agree(tag, other.tag) && agree(modified, other.modified) && agree(total, other.total)
  }
}

extension HTTPResponseHead {
  /// Length of the body in bytes, if the response states it.
  var contentLength: UInt64? { headers.first(name: "Content-Length").flatMap { UInt64($0) } }

  /// Seconds that the server asks the client to wait (RFC 9110, section 10.2.3).
  ///
  /// - Parameter now: The current time in seconds since 1970.
  func retryAfter(now: Int) -> Int? {
    guard let text = headers.first(name: "Retry-After") else { return nil }
    if let seconds = Int(text) { return max(0, seconds) }
    return WebDate.seconds(text).map { max(0, $0 - now) }
  }
}

/// Times in header fields (RFC 9110, section 5.6.7).
enum WebDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Parses a time like `Sun, 06 Nov 1994 08:49:37 GMT` to seconds since 1970; `nil` for any other text.
  static func seconds(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int32(words[1]),
      let month = months.firstIndex(of: String(words[2])),
      let year = Int32(words[3]), (1970...9999).contains(year)
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int32($0) }
    guard clock.count == 3 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, Int32(month), day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (clock[0], clock[1], clock[2])
    return timegm(&parts)
  }
}
