import DeviceModel
import Testing

@Suite("The splash screen")
struct SplashImageTests {
  private static let picture = Array("P6 # a comment\n2 1\n255\n".utf8) + [255, 0, 0, 0, 0, 255]

  private func screen(width: Int, height: Int) -> SplashImage.Screen {
    SplashImage.Screen(
      width: width, height: height, rowLength: width * 4 + 4, pixelLength: 4, red: (16, 8), green: (8, 8), blue: (0, 8))
  }

  @Test("A picture is drawn in the middle, on the colour of its first pixel")
  func middle() throws {
    let image = try SplashImage(Self.picture)
    #expect(image.width == 2 && image.height == 1)
    let bytes = try #require(image.drawn(on: screen(width: 4, height: 3)))
    let (red, blue): ([UInt8], [UInt8]) = ([0, 0, 255, 0], [255, 0, 0, 0])
    let plain = red + red + red + red + [0, 0, 0, 0]
    #expect(bytes == plain + red + red + blue + red + [0, 0, 0, 0] + plain)
  }

  @Test("A picture that is larger than the screen is cut off, and 16 bits keep the upper bits of each colour")
  func small() throws {
    let image = try SplashImage(Self.picture)
    let screen = SplashImage.Screen(
      width: 1, height: 1, rowLength: 2, pixelLength: 2, red: (11, 5), green: (5, 6), blue: (0, 5))
    #expect(image.drawn(on: screen) == [0x00, 0xf8])
  }

  @Test("Files that are no such pictures, and screens that make no sense, are refused")
  func refusals() throws {
    for text in ["", "P6", "P5 1 1 255\nabc", "P6 1 1 65535\nabcdef", "P6 2 1 255\nabc", "P6 0 0 255\n", "P6 x"] {
      #expect(throws: SplashImage.Refusal.format) { try SplashImage(Array(text.utf8)) }
    }
    #expect(throws: SplashImage.Refusal.tooLarge) {
      try SplashImage([UInt8](repeating: 0, count: SplashImage.sizeLimit + 1))
    }
    let image = try SplashImage(Self.picture)
    var wrong = screen(width: 4, height: 3)
    wrong.rowLength = 3
    #expect(image.drawn(on: wrong) == nil)
    wrong = screen(width: 4, height: 3)
    wrong.red.offset = 30
    #expect(image.drawn(on: wrong) == nil)
  }
}
