import LinuxSystem
import Testing

@Suite struct NetworkAddressTests {
  @Test func `addresses are read with and without a prefix`() throws {
    #expect(try #require(NetworkAddress("192.0.2.7/24")).bytes == [192, 0, 2, 7])
    #expect(NetworkAddress("192.0.2.7/24")?.prefixLength == 24)
    #expect(NetworkAddress("192.0.2.7")?.prefixLength == 32)
    #expect(NetworkAddress("2001:db8::7/64")?.prefixLength == 64)
  }

  @Test(arguments: ["", "192.0.2", "192.0.2.7/33", "192.0.2.7/-1", "2001:db8::7/129", "eth0", "192.0.2.7/24/1"])
  func `anything else is refused`(text: String) {
    #expect(NetworkAddress(text) == nil)
  }
}
