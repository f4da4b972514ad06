import DeviceModel
import LinuxSystem

/// The parameters that the boot loader gave the kernel.
public struct KernelCommandLine: Sendable, Equatable {
  private let values: [String: String]

  /// Parses parameters: `NAME=VALUE` or `NAME`, separated by spaces. Double quotes protect spaces. The last value of a
  /// name counts.
  public init(_ text: String) {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    for character in text + " " {
      switch character {
      case "\"": isQuoted.toggle()
      case _ where character.isWhitespace && !isQuoted:
        if !word.isEmpty { words.append(word) }
        word = ""
      default: word.append(character)
      }
    }
    values = words.reduce(into: [:]) { values, word in
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      values[parts[0]] = parts.count == 2 ? parts[1] : ""
    }
  }

  /// The parameters of the running kernel.
  public static var running: KernelCommandLine {
    KernelCommandLine(FileTree.line("/proc/cmdline") ?? "")
  }

  /// The value of a parameter, or `nil` if it is absent.
  public subscript(_ name: String) -> String? { values[name] }

  /// The slot that the boot loader chose.
  public var slot: Slot? { values[KernelParameter.slot].flatMap(Slot.init) }
}
