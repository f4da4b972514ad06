import Foundation
import Testing

@testable import PublishedDescriptions

@Suite("Descriptions for Raspberry Pi's tools")
struct PublishedDescriptionsTests {
  /// A JSON value that is read by paths; a path through a list gives the list of its items' values.
  private struct JSON {
    var value: Any?

    init(_ value: Any?) { self.value = value }

    init(encoding value: some Encodable) throws {
      self.value = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
    }

    subscript(path: String) -> JSON {
      path.split(separator: "/").reduce(self) { found, key in
        if let list = found.value as? [Any] { return JSON(list.compactMap { JSON($0)[String(key)].value }) }
        return JSON((found.value as? [String: Any])?[String(key)])
      }
    }

    subscript(index: Int) -> JSON { JSON((value as? [Any])?[index]) }
  }

  private func entry(_ tags: [String]) -> ImagerCatalogue.Entry {
    ImagerCatalogue.Entry(
      name: "weather roof 1.0.0", description: "A station", icon: "icons/use_custom.png",
      url: "https://example.org/roof.img.xz", extractSize: 1 << 30, extractHash: String(repeating: "a", count: 64),
      downloadSize: 1 << 20, downloadHash: String(repeating: "b", count: 64), releaseDate: "2026-12-01",
      initFormat: .preseed, devices: tags, capabilities: [], website: nil)
  }

  @Test("A catalogue has the keys that Imager reads, and the devices that its images are for")
  func catalogue() throws {
    let catalogue = try JSON(encoding: ImagerCatalogue([entry(["pi4-64bit"]), entry(["pi3-64bit"])]))

    #expect(
      catalogue["imager/devices/name"].value as? [String] == [
        "Raspberry Pi 4", "Raspberry Pi Zero 2 W", "Raspberry Pi 3",
      ])
    let entry = catalogue["os_list"][0]
    #expect(entry["extract_size"].value as? Int == 1 << 30)
    #expect(entry["extract_sha256"].value as? String == String(repeating: "a", count: 64))
    #expect(entry["image_download_size"].value as? Int == 1 << 20)
    #expect(entry["image_download_sha256"].value as? String == String(repeating: "b", count: 64))
    #expect(entry["init_format"].value as? String == "rpi-preseed")
    #expect(entry["devices"].value as? [String] == ["pi4-64bit"])
    #expect(entry["website"].value == nil)
  }

  @Test("The common device class is for all models, and a class of another kind for none")
  func models() {
    #expect(RaspberryPiModel.models(ofDeviceClass: "raspberry-pi").count == 6)
    #expect(RaspberryPiModel.models(ofDeviceClass: "raspberry-pi-zero-2w").map(\.imagerTag) == ["pi3-64bit"])
    #expect(RaspberryPiModel.models(ofDeviceClass: "generic-arm64") == [])
  }

  @Test("The provisioner's map has both slots, and the data partition grows")
  func provisioner() throws {
    let uuid = "F5C56D0D-B6D9-4353-9F7C-9E8FBF89D864"
    func partition(_ name: String, _ role: ProvisionerDescription.Role, _ type: String)
      -> ProvisionerDescription.Partition
    {
      .init(name: name, role: role, size: 1 << 28, type: type, typeID: uuid, id: uuid)
    }
    let description = try JSON(
      encoding: ProvisionerDescription(
        "roof", version: "1.0.0", for: .moduleFour, size: 1 << 31, table: .init(label: "gpt", id: uuid),
        partitions: [
          partition("boot", .boot, "vfat"), partition("root-a", .rootA, "erofs"), partition("root-b", .rootB, "erofs"),
          partition("data", .data, "ext4"),
        ]))

    #expect(description["IGmeta/IGconf_device_class"].value as? String == "cm4")
    #expect(description["IGmeta/IGconf_device_storage_type"].value as? String == "emmc")
    #expect(description["layout/partitionimages/root-b/simage"].value as? String == "root-b.simg")
    let map = description["layout/provisionmap"]
    #expect((map.value as? [Any])?.count == 4)
    #expect(map[0]["attributes/system_type"].value as? String == "slotted")
    #expect(map[1]["partitions/image"].value as? [String] == ["boot"])
    #expect(map[2]["slots/B/partitions/image"].value as? [String] == ["root-b"])
    #expect(map[3]["partitions/expand-to-fit"].value as? [Bool] == [true])
  }

  @Test("An image with one slot has a flat map")
  func oneSlot() throws {
    let description = try JSON(
      encoding: ProvisionerDescription(
        "roof", version: "1.0.0", for: .three, size: 1 << 31, table: .init(label: "dos", id: "0x1234abcd"),
        partitions: [
          .init(name: "boot", role: .boot, size: 1 << 28, type: "vfat", typeID: nil, id: nil),
          .init(name: "root", role: .rootA, size: 1 << 28, type: "ext4", typeID: nil, id: nil),
          .init(name: "data", role: .data, size: 1 << 28, type: "ext4", typeID: nil, id: nil),
        ]))
    let map = description["layout/provisionmap"]
    #expect(map[0]["attributes/system_type"].value as? String == "flat")
    #expect(map[2]["partitions/image"].value as? [String] == ["root"])
  }
}
