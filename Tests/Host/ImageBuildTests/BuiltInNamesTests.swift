import DeviceModel
import DiskImage
import Project
import Testing

@testable import ImageBuild

@Suite("The names in the project format match those of a build")
struct BuiltInNamesTests {
  @Test("Device classes")
  func devices() {
    for device in BuiltInDeviceClass.allCases { #expect(DeviceClass(device).name == device.rawValue) }
  }

  @Test("Layouts, with sizes no smaller than the minimum that a project may set")
  func layouts() {
    for format in BuiltInLayout.allCases {
      let layout = Layout(format)
      #expect(layout.name == format.rawValue)
      let empty = ByteSize(bytes: 0)
      #expect(layout.bootSize.bytes >= format.minimumBootSize)
      #expect(layout.slotSize.bytes(content: empty).bytes >= format.minimumSlotSize)
      #expect(layout.dataSize.bytes >= format.minimumDataSize)
    }
  }
}
