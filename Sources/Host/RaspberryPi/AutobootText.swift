/// An `autoboot.txt`: the partition to start, and the one to start with the one-shot flag (Raspberry Pi documentation,
/// "autoboot.txt").
public struct AutobootText: Sendable, Equatable {
  /// Maximum size of the file in bytes. The firmware reads no more.
  public static let sizeLimit = 512

  /// The partition of `[all]`; 0 for the first one that can be started.
  public var partition: Int
  /// The partition with the one-shot flag, if it is another one.
  public var trialPartition: Int?
  /// True if a trial reads `config.txt`, and not `tryboot.txt` (`tryboot_a_b`).
  public var isPartitionTrial: Bool

  public init(partition: Int, trialPartition: Int? = nil, isPartitionTrial: Bool = true) {
    self.partition = partition
    self.trialPartition = trialPartition
    self.isPartitionTrial = isPartitionTrial
  }

  /// Parses a file as the firmware does: reads at most 512 bytes, and ignores what it does not know.
  public init(_ bytes: [UInt8]) {
    let ordinary = Self.values(bytes, tryboot: false)
    let trial = Self.values(bytes, tryboot: true)
    partition = ordinary.partition
    trialPartition = trial.partition == ordinary.partition ? nil : trial.partition
    isPartitionTrial = trial.isPartitionTrial
  }

  private static func values(_ bytes: [UInt8], tryboot: Bool) -> (partition: Int, isPartitionTrial: Bool) {
    var (partition, isPartitionTrial, applies) = (0, false, true)
    for line in ConfigText(Array(bytes.prefix(sizeLimit))).lines {
      switch line.content {
      case .filter(let name):
        switch name.lowercased() {
        case "all": applies = true
        case "tryboot": applies = applies && tryboot
        default: applies = false
        }
      case .setting("boot_partition", let value) where applies: partition = Int(value).map { max(0, $0) } ?? 0
      case .setting("tryboot_a_b", let value) where applies: isPartitionTrial = value == "1"
      default: break
      }
    }
    return (partition, isPartitionTrial)
  }

  /// The problems of a file that somebody wrote: its size, and filters that the firmware does not know here.
  public static func problems(of bytes: [UInt8]) -> [ConfigProblem] {
    func problem(_ line: String, _ reason: String, _ hint: String) -> ConfigProblem {
      ConfigProblem(origin: "autoboot.txt", line: line, reason: reason, hint: hint)
    }
    var problems: [ConfigProblem] = []
    if bytes.count > sizeLimit {
      problems.append(
        problem(
          "\(bytes.count) bytes", "the firmware reads only the first \(sizeLimit)", "remove comments and settings"))
    }
    for line in ConfigText(bytes).lines {
      if case .filter(let name) = line.content, !["all", "none", "tryboot"].contains(name.lowercased()) {
        problems.append(
          problem("[\(name)]", "the firmware does not know this filter here", "use [all], [none] or [tryboot]"))
      }
    }
    return problems
  }

  /// The file.
  public var text: String {
    var text = "[all]\n" + (isPartitionTrial ? "tryboot_a_b=1\n" : "") + "boot_partition=\(partition)\n"
    if let trialPartition { text += "[tryboot]\nboot_partition=\(trialPartition)\n[all]\n" }
    return text
  }
}
