/// The result of reading the files for the first start. It names keys and reasons, and never contains a value, because
/// values may be secret or personal.
public struct ProvisioningReport: Sendable, Equatable {
  /// The result for one file.
  public struct File: Sendable, Equatable {
    /// A key that has no effect.
    public struct Problem: Sendable, Equatable {
      public var key: String
      /// The reason, as a part of a sentence.
      public var reason: String
    }

    /// Name of the file on the boot partition.
    public var name: String
    /// Keys whose values were taken, in the order of the file.
    public var taken: [String] = []
    /// Keys that have no effect.
    public var problems: [Problem] = []
    /// Keys that are not known.
    public var unknown: [String] = []
    /// The reason why the whole file has no effect.
    public var failure: String?

    public init(name: String) {
      self.name = name
    }
  }

  /// The files that were there.
  public var files: [File] = []

  /// The keys that were taken, as one line for each file.
  public var notes: [String] {
    files.compactMap { file in
      file.taken.isEmpty ? nil : "\(file.name): taken: \(file.taken.joined(separator: ", "))"
    }
  }

  /// The keys and files that have no effect, as one sentence for each reason.
  public var problems: [String] {
    files.flatMap { file in
      var lines: [String] = []
      if let failure = file.failure { lines.append("\(file.name) has no effect: \(failure)") }
      var reasons: [(reason: String, keys: [String])] = []
      for problem in file.problems {
        if let index = reasons.firstIndex(where: { $0.reason == problem.reason }) {
          reasons[index].keys.append(problem.key)
        } else {
          reasons.append((problem.reason, [problem.key]))
        }
      }
      lines += reasons.map { "\(file.name): no effect: \($0.keys.joined(separator: ", ")): \($0.reason)" }
      if !file.unknown.isEmpty { lines.append("\(file.name): unknown keys: \(file.unknown.joined(separator: ", "))") }
      return lines
    }
  }
}

/// Collects the values of one file, and the report about it.
struct ValueCollector {
  private(set) var values = FirstBootValues()
  private(set) var report: ProvisioningReport.File
  /// Maximum number of problems and unknown keys in a report, so that a hostile file does not fill the device's records.
  private static let limit = 64

  init(file: String) {
    report = ProvisioningReport.File(name: file)
  }

  /// Takes a value. If the key does not accept it, the report says so.
  mutating func take(_ value: String, for key: FirstBootValues.Key, named name: String) {
    do throws(FirstBootValues.Refusal) {
      try values.add(value, for: key)
      takeNote(name)
    } catch {
      switch error {
      case .repeated: cannot(name, "there is another value already")
      default: cannot(name, "it takes \(key.expectation)")
      }
    }
  }

  mutating func take(_ value: Bool, for key: FirstBootValues.Key, named name: String) {
    take(value ? "yes" : "no", for: key, named: name)
  }

  /// Notes a key that was taken.
  mutating func takeNote(_ name: String) {
    if !report.taken.contains(name) { report.taken.append(name) }
  }

  /// Notes a key that has no effect.
  mutating func cannot(_ name: String, _ reason: String) {
    let problem = ProvisioningReport.File.Problem(key: Self.shown(name), reason: reason)
    guard report.problems.count < Self.limit, !report.problems.contains(problem) else { return }
    report.problems.append(problem)
  }

  /// Notes a key that is not known, once.
  mutating func unknown(_ name: String) {
    let name = Self.shown(name)
    guard report.unknown.count < Self.limit, !report.unknown.contains(name) else { return }
    report.unknown.append(name)
  }

  /// Notes that the whole file has no effect.
  mutating func fail(_ reason: String) {
    report.failure = reason
    values = FirstBootValues()
    report.taken = []
  }

  /// Limits a name from the file to what can be shown in one line.
  static func shown(_ name: String) -> String {
    let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    return isPlain && (1...64).contains(name.utf8.count) ? name : "(a key that cannot be shown)"
  }
}

/// Reasons why keys have no effect on a device.
enum Reason {
  static let packages = "packages are part of the image; add them to the project, and build it again"
  static let commands = "the device runs only programs of its image"
  static let files = "files are part of the image; add them to the project, and build it again"
  static let firmware = "config.txt and cmdline.txt belong to the image; set this in the project, and build it again"
  static let mounts = "mounts are part of the image"
  static let connect = "the device does not set up Raspberry Pi Connect"
  static let importedKeys = "the device does not fetch keys; write them as authorized keys"
  static let oneUser = "the device makes one user"
  static let oneNetwork = "the device takes one wireless network"
}
