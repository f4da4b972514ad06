import Foundation

/// The date of an archive's signed index.
enum ArchiveDate {
  /// The newest `Date` of the release files in a folder of APT's lists, in seconds since 1970.
  static func newest(in lists: URL) throws -> Int64 {
    let names = try FileManager.default.contentsOfDirectory(atPath: lists.path)
    let dates = names.filter { $0.hasSuffix("Release") }.compactMap { name -> Int64? in
      guard let text = try? String(contentsOf: lists.appending(path: name), encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Date: ") })
      else { return nil }
      return seconds(String(line.dropFirst("Date: ".count)))
    }
    return dates.max() ?? 0
  }

  /// Seconds since 1970 of a date as in `Sat, 09 Aug 2025 09:33:11 UTC` (Debian repository format, `Date`).
  static func seconds(_ text: String) -> Int64? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return formatter.date(from: text).map { Int64($0.timeIntervalSince1970) }
  }
}
