import Spelling
import Testing

@Suite("Names that a user may have meant")
struct NearestNameTests {
  @Test(
    "The nearest name is found by edits, or by a part of it",
    arguments: [
      ("virtio_ent", "virtio_net"), ("Europe/Berlim", "Europe/Berlin"), ("virtio", "virtio_net"), ("e1000", "e1000"),
    ])
  func nearest(written: String, meant: String) {
    #expect(NearestName.nearest(to: written, among: ["e1000", "virtio_net", "Europe/Berlin"]) == meant)
  }

  @Test("What is like nothing gets no guess")
  func none() {
    #expect(NearestName.nearest(to: "zzz", among: ["e1000", "virtio_net"]) == nil)
    #expect(NearestName.nearest(to: "", among: []) == nil)
  }
}
