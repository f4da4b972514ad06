import BundleDownload
import HTTPClient
import Testing

@Suite("Addresses of files on web servers")
struct WebAddressTests {
  @Test("Addresses are parsed, and written in their normal form")
  func right() throws {
    for (text, host, port, target) in [
      ("http://example.org", "example.org", 80, "/"), ("HTTPS://Example.ORG:443/a?b#c", "example.org", 443, "/a?b"),
      ("https://[2001:DB8::1]:8443?x", "2001:db8::1", 8443, "/?x"), ("http://h:/x", "h", 80, "/x"),
    ] as [(String, String, UInt16, String)] {
      let address = try WebAddress(text)
      #expect(address.origin.host == host && address.origin.port == port && address.target == target)
      #expect(try WebAddress(address.description) == address)
    }
    #expect(try WebAddress("HTTPS://[::1]:443/a?secret").description == "https://[::1]/a?secret")
    #expect(try WebAddress("https://a/b?secret").withoutQuery == "https://a/b")
  }

  @Test(
    "An ambiguous address is refused",
    arguments: [
      "", "bundle", "ftp://a/", "http:/a", "http://", "http:///a", "http://u:p@a/", "http://a:0/", "http://a:65536/",
      "http://a:x/", "http://[::1/", "http://[::1]x/", "http://a/b c", "http://a/\r\nHost: b", "http://ä/",
      "http://a/" + String(repeating: "x", count: 8192),
    ])
  func wrong(text: String) { #expect(throws: WebAddress.Malformed.self) { try WebAddress(text) } }

  @Test("References are resolved as in RFC 3986, section 5.4")
  func references() throws {
    let base = try WebAddress("http://a/b/c/d;p?q")
    for (reference, target) in [
      ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
      ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"),
      ("g;x?y#s", "http://a/b/c/g;x?y"), ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("..", "http://a/b/"),
      ("../..", "http://a/"), ("../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"),
      ("./g/.", "http://a/b/c/g/"), ("g;x=1/../y", "http://a/b/c/y"), ("g?y/../x", "http://a/b/c/g?y/../x"),
      ("https://x/y", "https://x/y"),
    ] { #expect(try base.following(reference).description == target, "\(reference)") }
  }
}
