import CLinuxSystem
import Glibc

/// The memory of the screen that the kernel shows its console on (Linux, Documentation/fb/api.rst).
public final class Framebuffer {
  private let device: Descriptor

  /// Size in pixels.
  public let width: Int
  public let height: Int
  /// Bytes of a row.
  public let rowLength: Int
  /// Bits of a pixel.
  public let pixelBits: Int
  /// The first bit of each colour, and its number of bits: red, green, blue.
  public let colours: [(offset: Int, length: Int)]

  /// Opens the screen.
  ///
  /// - Throws: ``SystemError`` if there is none.
  public init(_ path: String = "/dev/fb0") throws(SystemError) {
    let device = try Descriptor(opening: path, O_RDWR)
    var format = cultivar_framebuffer()
    try check("read the format of", path) { cultivar_framebuffer_read(device.number, &format) }
    self.device = device
    (width, height) = (Int(format.width), Int(format.height))
    (rowLength, pixelBits) = (Int(format.row_length), Int(format.pixel_bits))
    colours = [
      (Int(format.red_offset), Int(format.red_length)), (Int(format.green_offset), Int(format.green_length)),
      (Int(format.blue_offset), Int(format.blue_length)),
    ]
  }

  /// Writes the whole screen.
  public func show(_ bytes: [UInt8]) throws(SystemError) {
    try device.write(all: bytes, at: 0)
  }

  /// Lets the kernel draw its console on the screen, or not. systemd gives the screen back when a login begins on it.
  public static func setConsole(isShown: Bool, _ path: String = "/dev/tty0") throws(SystemError) {
    let terminal = try Descriptor(opening: path, O_RDWR | O_NOCTTY)
    try check("switch the screen of", path) { cultivar_console_show(terminal.number, isShown) }
  }
}
