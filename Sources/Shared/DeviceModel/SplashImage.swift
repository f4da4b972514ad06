/// A picture for the screen while a device starts, as a portable pixmap (`ppm(5)`): format P6, 8 bits for each colour.
public struct SplashImage: Sendable, Equatable {
  /// Path of the picture in the initial RAM file system.
  public static let path = "/etc/cultivar/splash.ppm"
  /// Maximum size of the file in bytes: 1920 by 1080 pixels, and some more.
  public static let sizeLimit = 8 << 20

  /// Size in pixels.
  public let width: Int
  public let height: Int
  /// Red, green and blue of each pixel, row by row from the top.
  public let pixels: [UInt8]

  /// Parses a file; returns the reason if it is no such picture.
  public init(_ bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.sizeLimit else { throw .tooLarge }
    guard bytes.starts(with: Array("P6".utf8)) else { throw .format }
    var position = 2
    var numbers: [Int] = []
    while numbers.count < 3 {
      guard position < bytes.count else { throw .format }
      switch bytes[position] {
      case 0x09...0x0d, 0x20: position += 1
      case UInt8(ascii: "#"):
        while position < bytes.count, bytes[position] != 0x0a { position += 1 }
      case 0x30...0x39:
        var number = 0
        while position < bytes.count, (0x30...0x39).contains(bytes[position]), number < 100_000 {
          number = number * 10 + Int(bytes[position] - 0x30)
          position += 1
        }
        numbers.append(number)
      default: throw .format
      }
    }
    // One white space follows the head.
    guard position < bytes.count, [0x09, 0x0a, 0x0d, 0x20].contains(bytes[position]), numbers[2] == 255,
      numbers[0] > 0, numbers[1] > 0, numbers[0] * numbers[1] * 3 == bytes.count - position - 1
    else { throw .format }
    (width, height) = (numbers[0], numbers[1])
    pixels = Array(bytes[(position + 1)...])
  }

  /// The reason why a file is no picture for a splash screen.
  public enum Refusal: Error, Equatable, CustomStringConvertible {
    case tooLarge
    case format

    public var description: String {
      switch self {
      case .tooLarge: "it has more than \(SplashImage.sizeLimit) bytes"
      case .format: "it is not a PPM picture (P6, 255)"
      }
    }
  }

  /// The format of a screen's memory.
  public struct Screen: Sendable, Equatable {
    /// Size in pixels.
    public var width: Int
    public var height: Int
    /// Bytes of a row.
    public var rowLength: Int
    /// Bytes of a pixel: 2 or 4.
    public var pixelLength: Int
    /// The first bit of each colour, and its number of bits.
    public var red: (offset: Int, length: Int)
    public var green: (offset: Int, length: Int)
    public var blue: (offset: Int, length: Int)

    public init(
      width: Int, height: Int, rowLength: Int, pixelLength: Int, red: (offset: Int, length: Int),
      green: (offset: Int, length: Int), blue: (offset: Int, length: Int)
    ) {
      self.width = width
      self.height = height
      self.rowLength = rowLength
      self.pixelLength = pixelLength
      self.red = red
      self.green = green
      self.blue = blue
    }

    public static func == (first: Screen, second: Screen) -> Bool {
      first.width == second.width && first.height == second.height && first.rowLength == second.rowLength
        && first.pixelLength == second.pixelLength && first.red == second.red && first.green == second.green
        && first.blue == second.blue
    }

    /// True if the numbers fit together, and the format is a supported one.
    var isSupported: Bool {
      let colours = [red, green, blue]
      return (1...16_384).contains(width) && (1...16_384).contains(height) && [2, 4].contains(pixelLength)
        && (width * pixelLength...1 << 20).contains(rowLength)
        && colours.allSatisfy { (1...8).contains($0.length) && (0...pixelLength * 8 - $0.length).contains($0.offset) }
    }

    fileprivate func pixel(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> [UInt8] {
      var value: UInt32 = 0
      for (colour, place) in [(red, self.red), (green, self.green), (blue, self.blue)] {
        value |= UInt32(colour >> UInt8(8 - place.length)) << UInt32(place.offset)
      }
      return (0..<pixelLength).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
    }
  }

  /// The bytes of a screen with the picture in its middle. Around it, the screen has the colour of the first pixel. A
  /// picture that is larger than the screen is cut off at its edges.
  ///
  /// - Returns: `nil` for a format of the screen that is not supported.
  public func drawn(on screen: Screen) -> [UInt8]? {
    guard screen.isSupported else { return nil }
    let background = screen.pixel(pixels[0], pixels[1], pixels[2])
    var row: [UInt8] = []
    row.reserveCapacity(screen.rowLength)
    for _ in 0..<screen.width { row += background }
    row += [UInt8](repeating: 0, count: screen.rowLength - row.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(screen.rowLength * screen.height)
    let (left, top) = ((screen.width - width) / 2, (screen.height - height) / 2)
    for line in 0..<screen.height {
      let source = line - top
      guard (0..<height).contains(source) else {
        bytes += row
        continue
      }
      var shown = row
      for column in max(0, left)..<min(screen.width, left + width) {
        let place = (source * width + column - left) * 3
        let pixel = screen.pixel(pixels[place], pixels[place + 1], pixels[place + 2])
        for (index, byte) in pixel.enumerated() { shown[column * screen.pixelLength + index] = byte }
      }
      bytes += shown
    }
    return bytes
  }
}
