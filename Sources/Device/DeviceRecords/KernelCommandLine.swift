import DeviceModel
import LinuxSystem

/// The parameters that the boot loader gave the kernel.
public struct KernelCommandLine: Sendable, Equatable {
  private let values: [String: String]

  /// Reads parameters: words separated by spaces, `NAME=VALUE` or `NAME`; double quotes keep spaces. The last one counts.
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

  /// The value of a parameter; `nil` where it is not given.
  public subscript(_ name: String) -> String? { values[name] }

  /// The slot that the boot loader chose.
  public var slot: Slot? { values[KernelParameter.slot].flatMap(Slot.init) }
}
