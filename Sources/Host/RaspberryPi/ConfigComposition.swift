import Spelling

/// A part of `config.txt`, from a device class, a layer or a project.
public struct ConfigPart: Sendable, Equatable {
  /// Origin for messages, such as `layer wifi` or `cultivar.yaml:12`.
  public var origin: String
  /// The filters of all lines, such as `pi4`; none for lines that apply everywhere.
  public var filters: [String]
  /// Lines, such as `dtparam=i2c_arm=on`.
  public var lines: [String]
  /// Keys that this part replaces on purpose.
  public var overrides: Set<String>

  public init(origin: String, filters: [String] = [], lines: [String], overrides: Set<String> = []) {
    self.origin = origin
    self.filters = filters
    self.lines = lines
    self.overrides = overrides
  }
}

/// A problem of a part, with its origin.
public struct ConfigProblem: Error, Sendable, Equatable, CustomStringConvertible {
  public var origin: String
  /// The line, or the filter.
  public var line: String
  public var reason: String
  /// The remedy, if one is known.
  public var hint: String?

  public var description: String {
    "config.txt, \(origin): ‘\(line)’: \(reason)" + (hint.map { "; \($0)" } ?? "")
  }
}

/// A `config.txt` that is composed of parts, in their order.
public struct ConfigComposition: Sendable, Equatable {
  /// A line of the file, with its origin.
  public struct Explained: Sendable, Equatable {
    public var text: String
    /// The filters that apply to it.
    public var filters: [String]
    /// The part that it comes from.
    public var origin: String
    /// The part with a later line that replaces it everywhere.
    public var replacedBy: String?
  }

  /// The lines in the order of the file. Comments are left out.
  public let lines: [Explained]
  /// All problems. A file with problems must not be written.
  public let problems: [ConfigProblem]

  /// Keys that may be given several times, each with an effect of its own.
  private static let accumulating: Set<String> = [
    "dtoverlay", "dtparam", "device_tree_param", "device_tree_overlay", "gpio", "include", "initramfs",
  ]

  /// Composes parts.
  public init(_ parts: [ConfigPart]) {
    var problems: [ConfigProblem] = []
    var lines: [(explained: Explained, key: String?, value: String, condition: ConfigCondition, part: ConfigPart)] = []
    for part in parts {
      var condition = ConfigCondition()
      for filter in part.filters {
        if let problem = Self.problem(ofFilter: filter, part.origin) { problems.append(problem) }
        condition.apply(filter)
      }
      for line in part.lines {
        func report(_ reason: String, _ hint: String? = nil) {
          problems.append(ConfigProblem(origin: part.origin, line: line, reason: reason, hint: hint))
        }
        if line.utf8.count > ConfigText.lineLimit {
          report(
            "it has \(line.utf8.count) characters, and the firmware reads only \(ConfigText.lineLimit)",
            "use shorter names")
        }
        if line.utf8.contains(where: { $0 < 0x20 || $0 > 0x7e }) {
          report("it has a character that is not printable ASCII", "write one entry for each line")
          continue
        }
        let explained = Explained(text: line, filters: part.filters, origin: part.origin)
        switch ConfigText.content(of: line) {
        case nil: continue
        case .filter(let filter): report("a filter is not a line", "write ‘\(filter)’ as the filter of the part")
        case .unknown: report("it is neither KEY=VALUE nor a directive that the firmware knows")
        case .include(let file):
          if file.utf8.count > ConfigText.nameLimit {
            report("the name has more than \(ConfigText.nameLimit) characters")
          }
          lines.append((explained, "include", file, condition, part))
        case .initialRAM(let files, let address):
          if files.joined(separator: ",").utf8.count > ConfigText.nameLimit {
            report("the names have more than \(ConfigText.nameLimit) characters")
          }
          lines.append((explained, "initramfs", files.joined(separator: ",") + address, condition, part))
        case .setting(let key, let value):
          if key.isEmpty { report("the key is missing") }
          if key == "initramfs" { report("initramfs takes no ‘=’", "write ‘initramfs FILE followkernel’") }
          lines.append((explained, key, value, condition, part))
        }
      }
    }
    for index in lines.indices {
      guard let key = lines[index].key, !Self.accumulating.contains(key) else { continue }
      let line = lines[index]
      let later = lines[(index + 1)...].first {
        $0.key == key && $0.value != line.value && $0.condition.covers(line.condition)
      }
      guard let later else { continue }
      lines[index].explained.replacedBy = later.part.origin
      if !later.part.overrides.contains(key) {
        problems.append(
          ConfigProblem(
            origin: later.part.origin, line: later.explained.text,
            reason: "it undoes ‘\(line.explained.text)’ of \(line.part.origin)",
            hint: "remove one of them, or name ‘\(key)’ as replaced"))
      }
    }
    self.lines = lines.map(\.explained)
    self.problems = problems
  }

  private static func problem(ofFilter text: String, _ origin: String) -> ConfigProblem? {
    guard ConfigFilter(text) == nil else { return nil }
    return ConfigProblem(
      origin: origin, line: "[\(text)]", reason: "the firmware does not know this filter, and would never apply it",
      hint: NearestName.nearest(to: text, among: ConfigFilter.models + ["all", "none", "tryboot"]).map {
        "did you mean ‘\($0)’?"
      })
  }

  /// The file. Each group of lines begins with `[all]` and its filters, so that no filter of one group reaches another.
  public var text: String {
    var text = "# Written by Cultivar. An update replaces this file.\n"
    var filters: [String] = []
    for line in lines {
      if line.filters != filters {
        text += "\n[all]\n" + line.filters.filter { $0 != "all" }.map { "[\($0)]\n" }.joined()
        filters = line.filters
      }
      text += line.text + "\n"
    }
    return filters.isEmpty ? text : text + "\n[all]\n"
  }
}
