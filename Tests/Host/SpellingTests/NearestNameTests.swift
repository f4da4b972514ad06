import Spelling
import Testing

@Suite("Suggestions of names")
struct NearestNameTests {
  @Test(
    "The nearest name is found by edit distance, or by a part of it",
    arguments: [
      ("virtio_ent", "virtio_net"), ("Europe/Berlim", "Europe/Berlin"), ("virtio", "virtio_net"), ("e1000", "e1000"),
    ])
  func nearest(written: String, meant: String) {
    #expect(NearestName.nearest(to: written, among: ["e1000", "virtio_net", "Europe/Berlin"]) == meant)
  }

  @Test("A name without a similar one gets no suggestion")
  func none() {
    #expect(NearestName.nearest(to: "zzz", among: ["e1000", "virtio_net"]) == nil)
    #expect(NearestName.nearest(to: "", among: []) == nil)
  }
}
