import DeviceModel
import DiskImage
import Glibc
import Project
import Testing

@testable import ImageBuild

@Suite("The names in the project format match those of a build")
struct BuiltInNamesTests {
  @Test("Device classes")
  func devices() {
    #expect(BuiltInDeviceClass.allCases.map(\.rawValue) == DeviceClass.builtIn.map(\.name))
  }

  @Test("Layouts, with sizes no smaller than the minimum that a project may set")
  func layouts() {
    #expect(BuiltInLayout.allCases.map(\.rawValue) == Layout.builtIn.map(\.name))
    for (format, layout) in zip(BuiltInLayout.allCases, Layout.builtIn) {
      let empty = ByteSize(bytes: 0)
      #expect(layout.bootSize.bytes(content: empty).bytes >= format.minimumBootSize)
      #expect(layout.slotSize.bytes(content: empty).bytes >= format.minimumSlotSize)
      #expect(layout.dataSize.bytes(content: empty).bytes >= format.minimumDataSize)
    }
  }

  @Test("File systems of slots")
  func fileSystems() {
    let known = Project.RootFileSystem.allCases.compactMap { DeviceModel.RootFileSystem(rawValue: $0.rawValue) }
    #expect(known.count == Project.RootFileSystem.allCases.count)
    #expect(Set(known) == Set(DeviceModel.RootFileSystem.allCases))
  }

  @Test("Signals have the kernel's numbers")
  func signals() {
    #expect(
      ["HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "WINCH"].map(SignalNumber.linux)
        == [SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH])
  }
}
