/// A filter of `config.txt`, such as `[pi4]` (Raspberry Pi documentation, "Conditional filters").
///
/// A filter replaces the earlier one of the same kind. Filters of different kinds apply together. `[all]` removes all.
public enum ConfigFilter: Equatable, Hashable, Sendable {
  case all
  case none
  case model(String)
  case boardType(Int)
  case tryboot
  case display(String)
  case serial(UInt64)
  case gpio(Int, isHigh: Bool)
  case port(Int)
  /// A comparison of a boot variable, as in `[boot_count<3]` or `[boot_arg1&1=1]`: since February 2025, on the 5.
  case variable(String, condition: String)

  /// The kinds of filters. One of each applies.
  enum Kind: Hashable {
    case all, none, model, tryboot, display, serial, gpio, port, variable
  }

  var kind: Kind {
    switch self {
    case .all: .all
    case .none: .none
    case .model, .boardType: .model
    case .tryboot: .tryboot
    case .display: .display
    case .serial: .serial
    case .gpio: .gpio
    case .port: .port
    case .variable: .variable
    }
  }

  /// Names of models in filters. Those of 32-bit models are known, and false on every ``Model``.
  static let models = [
    "pi0", "pi0w", "pi02", "pi1", "pi2", "pi3", "pi3+", "pi4", "pi400", "cm4", "cm4s", "pi5", "pi500", "cm5",
  ]
  private static let variables = ["partition", "boot_partition", "boot_count", "boot_arg1", "bootvar0"]

  /// Parses the text between the brackets. `nil` for a text that the firmware does not know: for it, the filter is
  /// false.
  public init?(_ text: String) {
    let text = text.lowercased()
    func number(after prefix: String) -> Int? {
      guard text.hasPrefix(prefix) else { return nil }
      let digits = text.dropFirst(prefix.count)
      return digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
    }
    switch text {
    case "all": self = .all
    case "none": self = .none
    case "tryboot": self = .tryboot
    case _ where Self.models.contains(text): self = .model(text)
    default:
      if let type = number(after: "board-type=") {
        self = .boardType(type)
      } else if text.hasPrefix("edid="), text.count > 5 {
        self = .display(String(text.dropFirst(5)))
      } else if text.hasPrefix("0x"), let serial = UInt64(text.dropFirst(2), radix: 16) {
        self = .serial(serial)
      } else if let port = number(after: "hdmi:"), (0...1).contains(port) {
        self = .port(port)
      } else if text.hasPrefix("gpio"), let filter = Self.pin(text.dropFirst(4)) {
        self = filter
      } else if let filter = Self.comparison(text) {
        self = filter
      } else {
        return nil
      }
    }
  }

  private static func pin(_ text: Substring) -> ConfigFilter? {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let pin = Int(parts[0]), (0...53).contains(pin), ["0", "1"].contains(parts[1]) else {
      return nil
    }
    return .gpio(pin, isHigh: parts[1] == "1")
  }

  /// A comparison with `=`, `<` or `>`, or of masked bits with `&MASK=`.
  private static func comparison(_ text: String) -> ConfigFilter? {
    guard let name = variables.first(where: { text.hasPrefix($0) }) else { return nil }
    let condition = text.dropFirst(name.count)
    func isNumber(_ text: Substring) -> Bool {
      text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) != nil : UInt32(text) != nil
    }
    switch condition.first {
    case "=", "<", ">":
      guard isNumber(condition.dropFirst()) else { return nil }
    case "&":
      let parts = condition.dropFirst().split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy(isNumber) else { return nil }
    default: return nil
    }
    return .variable(name, condition: String(condition))
  }
}

/// The filters that apply to a line of `config.txt`: at most one of each kind.
public struct ConfigCondition: Equatable, Hashable, Sendable {
  /// The filters, with their texts.
  private(set) var filters: [ConfigFilter.Kind: ConfigFilter] = [:]
  /// The unknown filter before the line. It is false until the next `[all]`.
  private(set) var unknown: String?

  /// No filter: the line applies everywhere.
  public init() {}

  /// Adds the filter of a line.
  ///
  /// - Parameter text: The text between the brackets.
  public mutating func apply(_ text: String) {
    switch ConfigFilter(text) {
    case .all?: self = ConfigCondition()
    case let filter?: filters[filter.kind] = filter
    case nil: unknown = text
    }
  }

  /// True if the line applies on a model, at a start with or without the one-shot flag. Filters for the hardware around
  /// the model (displays, pins, serial numbers, boot variables) are false.
  public func holds(on model: Model, tryboot: Bool) -> Bool {
    unknown == nil
      && filters.values.allSatisfy { filter in
        switch filter {
        case .all: true
        case .model(let name): model.filters.contains(name)
        case .boardType(let type): model.boardType == type
        case .tryboot: tryboot
        case .none, .display, .serial, .gpio, .port, .variable: false
        }
      }
  }

  /// True if this condition holds wherever the other one does.
  func covers(_ other: ConfigCondition) -> Bool {
    func models(_ condition: ConfigCondition) -> Set<Model>? {
      switch condition.filters[.model] {
      case .model(let name)?: Set(Model.allCases.filter { $0.filters.contains(name) })
      case .boardType(let type)?: Set(Model.allCases.filter { $0.boardType == type })
      default: nil
      }
    }
    guard unknown == nil else { return self == other }
    if let own = models(self) {
      guard let others = models(other), others.isSubset(of: own) else { return false }
    }
    return filters.allSatisfy { $0.key == .model || other.filters[$0.key] == $0.value }
  }
}
