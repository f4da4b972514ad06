/// The time for checks of expiry and validity.
///
/// Callers pass the later of the clock and the running image's build time. Many devices have no battery-backed
/// clock and start in 1970, when no certificate is valid yet and nothing has expired. The image proves that its build
/// time has passed.
public struct Time: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01 00:00 UTC, without leap seconds.
  public var secondsSince1970: Int64

  public init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

  /// The current time for checks on a device: the later of its clock and its image's build time.
  public static func present(clock: Time, buildTime: Time) -> Time { max(clock, buildTime) }

  public static func < (first: Time, second: Time) -> Bool { first.secondsSince1970 < second.secondsSince1970 }
}

extension Time: CustomStringConvertible {
  /// Date and time in UTC: `2031-01-31 12:00:00 UTC`; only seconds for years that do not have four digits.
  public var description: String {
    let (days, second) = secondsSince1970.quotientAndFlooredRemainder(dividingBy: 86_400)
    guard (-719_528..<2_932_897).contains(days) else { return "\(secondsSince1970) s since 1970" }
    // Howard Hinnant's algorithm: years begin in March, so that a leap day is the last day of its year.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ number: Int64, _ width: Int = 2) -> String {
      String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
    }
    let date = "\(padded(year, 4))-\(padded(month))-\(padded(day))"
    return "\(date) \(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60)) UTC"
  }
}

extension Int64 {
  fileprivate func quotientAndFlooredRemainder(dividingBy divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
