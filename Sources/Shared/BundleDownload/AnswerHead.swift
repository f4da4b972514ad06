import Glibc
import NIOHTTP1

/// Which bytes of a file an answer has (RFC 9110, section 14.4).
struct ContentRange: Equatable {
  /// The bytes; `nil` where the file has none of those that were asked for.
  var bytes: Range<UInt64>?
  /// Bytes of the whole file, if the server knows.
  var total: UInt64?

  /// Reads a field; `nil` where it is none.
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

/// By what one knows a file again.
struct FileIdentity: Equatable {
  /// `ETag`, without the sign of a weak one.
  var tag: String?
  /// `Last-Modified`.
  var modified: String?
  /// Bytes of the whole file.
  var total: UInt64?

  /// What a server says of a file.
  init(_ head: HTTPResponseHead, total: UInt64?) {
    let tag = head.headers.first(name: "ETag")
    isWeak = tag?.hasPrefix("W/") ?? false
    self.tag = tag.map { isWeak ? String($0.dropFirst(2)) : $0 }
    modified = head.headers.first(name: "Last-Modified")
    self.total = total
  }

  private var isWeak: Bool

  /// Value of `If-Range`: the server sends the rest only of this file. A weak tag is not for that (RFC 9110, section 13.1.5).
  var condition: String? { isWeak ? modified : tag ?? modified }

  /// Whether nothing that both say is different.
  func mayBe(_ other: FileIdentity) -> Bool {
    func agree<Value: Equatable>(_ one: Value?, _ other: Value?) -> Bool { one == nil || other == nil || one == other }
    return agree(tag, other.tag) && agree(modified, other.modified) && agree(total, other.total)
  }
}

extension HTTPResponseHead {
  /// Bytes of the body, if the answer says so.
  var contentLength: UInt64? { headers.first(name: "Content-Length").flatMap { UInt64($0) } }

  /// Seconds to wait that the server asks for (RFC 9110, section 10.2.3).
  ///
  /// - Parameter now: seconds since 1970.
  func retryAfter(now: Int) -> Int? {
    guard let text = headers.first(name: "Retry-After") else { return nil }
    if let seconds = Int(text) { return max(0, seconds) }
    return WebDate.seconds(text).map { max(0, $0 - now) }
  }
}

/// Times as they stand in heads of answers (RFC 9110, section 5.6.7).
enum WebDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`; `nil` for anything else.
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
