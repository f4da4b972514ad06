import LinuxSystem
import Testing

@Suite("Mount options")
struct MountTests {
  @Test("Names of flags become flags, and the others are passed to the file system unchanged")
  func parsing() {
    let (flags, others) = Mount.Flags.parsed(["commit=60", "noexec", "data=journal", "lazytime"])
    #expect(flags == [.noExecution, .lazyTimes])
    #expect(others == "commit=60,data=journal")
    #expect(Mount.Flags.parsed([]).flags.isEmpty && Mount.Flags.parsed([]).others.isEmpty)
  }
}
