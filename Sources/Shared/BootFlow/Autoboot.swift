import DeviceModel

/// The content of `autoboot.txt`, by which Raspberry Pi's firmware chooses a boot partition, with Cultivar's record of a
/// trial in its first line.
///
/// The file has a constant length of less than a sector, so that it is overwritten in place by writing one sector. The
/// firmware reads at most 512 bytes. It knows the sections `[all]`, `[none]` and `[tryboot]`.
struct Autoboot: Equatable {
  /// Length of the file in bytes.
  static let length = 256
  /// Name of the file in the root folder.
  static let file = "autoboot.txt"

  /// The state of a trial. The firmware does not record that it has started one, so Cultivar does, before the restart.
  enum Trial: String {
    case none
    /// On offer.
    case waiting
    /// The restart that begins it was about to be made, or has been made.
    case begun
  }

  /// Number of the partition that is started by default.
  var standard: Int
  /// Number of the partition that is started once, with the firmware's one-shot flag.
  var other: Int
  var trial: Trial

  private static let firstLine = "# Cultivar: trial "

  /// The file's content.
  var bytes: [UInt8] {
    // Without a trial, a restart with the flag starts the default.
    let once = trial == .none ? standard : other
    let text =
      "\(Self.firstLine)\(trial.rawValue)\n[all]\ntryboot_a_b=1\nboot_partition=\(standard)\n[tryboot]\n"
      + "boot_partition=\(once)\n[all]\n"
    // Comments fill the file. A line has at most 98 characters.
    var bytes = Array(text.utf8)
    while bytes.count < Self.length {
      let count = min(64, Self.length - bytes.count)
      bytes += [UInt8](repeating: UInt8(ascii: "#"), count: count - 1) + [UInt8(ascii: "\n")]
    }
    return bytes
  }

  init(standard: Int, other: Int, trial: Trial = .none) {
    (self.standard, self.other, self.trial) = (standard, other, trial)
  }

  /// Parses a file; `nil` for one that this type did not write.
  ///
  /// - Parameter numbers: The numbers of the two partitions.
  init?(_ bytes: [UInt8], of numbers: [Int]) {
    guard let line = String(bytes: bytes.prefix { $0 != UInt8(ascii: "\n") }), line.hasPrefix(Self.firstLine),
      let trial = Trial(rawValue: String(line.dropFirst(Self.firstLine.count)))
    else { return nil }
    for (standard, other) in zip(numbers, numbers.reversed()) {
      let one = Autoboot(standard: standard, other: other, trial: trial)
      if one.bytes == bytes {
        self = one
        return
      }
    }
    return nil
  }
}

extension String {
  /// Decodes ASCII; `nil` for other bytes.
  fileprivate init?(bytes: ArraySlice<UInt8>) {
    guard bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
    self = String(decoding: bytes, as: UTF8.self)
  }
}
