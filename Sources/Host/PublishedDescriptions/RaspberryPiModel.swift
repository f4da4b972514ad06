/// A family of Raspberry Pi models, as Raspberry Pi's tools distinguish them.
public enum RaspberryPiModel: String, Sendable, CaseIterable {
  case five = "raspberry-pi-5"
  case moduleFive = "raspberry-pi-cm5"
  case four = "raspberry-pi-4"
  case moduleFour = "raspberry-pi-cm4"
  case three = "raspberry-pi-3"
  case zeroTwo = "raspberry-pi-zero-2w"

  /// The models that a device class is for; empty if it is none of the built-in classes for Raspberry Pi.
  public static func models(ofDeviceClass name: String) -> [RaspberryPiModel] {
    name == "raspberry-pi" ? allCases : RaspberryPiModel(rawValue: name).map { [$0] } ?? []
  }

  /// Raspberry Pi Imager's tag for 64-bit images. Models with one processor family share a tag.
  public var imagerTag: String {
    switch self {
    case .five, .moduleFive: "pi5-64bit"
    case .four, .moduleFour: "pi4-64bit"
    case .three, .zeroTwo: "pi3-64bit"
    }
  }

  /// The device class in a description for Raspberry Pi's provisioner.
  public var provisionerClass: String {
    switch self {
    case .five: "pi5"
    case .moduleFive: "cm5"
    case .four: "pi4"
    case .moduleFour: "cm4"
    case .three: "pi3"
    case .zeroTwo: "zero2w"
    }
  }

  /// The storage that the model usually starts from, in a description for Raspberry Pi's provisioner.
  public var provisionerStorage: String {
    switch self {
    case .moduleFive, .moduleFour: "emmc"
    case .five, .four, .three, .zeroTwo: "sd"
    }
  }
}
