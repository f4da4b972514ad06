import Testing

@testable import InitClient

@Suite struct SystemdTests {
  @Test func `restarts of units are read from what systemctl prints`() {
    let paragraphs = [
      "Id=a.service\nNRestarts=0", "NRestarts=17\nId=b.service", "Id=c.service", "NRestarts=x\nId=d.service",
    ]
    #expect(Systemd.restarts(in: (paragraphs + ["NRestarts=2"]).joined(separator: "\n\n")) == ["b.service": 17])
    #expect(Systemd.restarts(in: "") == [:])
  }
}
