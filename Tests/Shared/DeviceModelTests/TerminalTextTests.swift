import DeviceModel
import Testing

@Suite struct TerminalTextTests {
  @Test func `what steers a terminal is shown and not obeyed; other text stays as it is`() {
    #expect("plain \u{e4}\u{1f600}\n\ttext".escapedForTerminal == "plain \u{e4}\u{1f600}\n\ttext")
    #expect("\u{1b}]0;owned\u{7}".escapedForTerminal == #"\u{1b}]0;owned\u{7}"#)
    #expect("a\rb\u{9b}2J\u{7f}".escapedForTerminal == #"a\u{d}b\u{9b}2J\u{7f}"#)
    #expect("\u{202e}cba".escapedForTerminal == #"\u{202e}cba"#)
  }

  @Test func `moments are texts of RFC 3339 and nothing else`() {
    #expect("\(Timestamp(1_800_000_000))" == "2027-01-15T08:00:00Z")
    #expect(Timestamp("2027-01-15T08:00:00Z") == 1_800_000_000)
    for text in ["", "1800000000", "2027-02-31T00:00:00Z", "2027-01-15 08:00:00", "2027-01-15T08:00:00Z "] {
      #expect(Timestamp(text) == nil)
    }
  }
}
