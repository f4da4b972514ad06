import FoundationEssentials

/// The date of an archive's signed index.
enum ArchiveDate {
  /// Returns the newest `Date` of the release files in a folder of APT's lists, in seconds since 1970.
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

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  /// The names of UTC that archives use.
  private static let zones: Set<Substring> = ["UTC", "GMT", "+0000", "Z"]

  /// Parses a date like `Sat, 09 Aug 2025 09:33:11 UTC` (Debian repository format, `Date`) to seconds since 1970.
  static func seconds(_ text: String) -> Int64? {
    guard let comma = text.firstIndex(of: ",") else { return nil }
    let parts = text[text.index(after: comma)...].split(separator: " ")
    guard parts.count == 5, zones.contains(parts[4]), let month = months.firstIndex(of: String(parts[1])),
      let day = Int(parts[0])
    else { return nil }
    let date = "\(parts[2])-\(twoDigits(month + 1))-\(twoDigits(day))T\(parts[3])Z"
    return (try? Date.ISO8601FormatStyle().parse(date)).map { Int64($0.timeIntervalSince1970) }
  }

  private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
