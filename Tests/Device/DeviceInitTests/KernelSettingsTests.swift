import Foundation
import TestFixtures
import Testing

@testable import DeviceInit

@Suite struct KernelSettingsTests {
  @Test func `settings that the kernel has are set, but for those that its command line gives`() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.path)
    for name in ["kernel/kptr_restrict", "user/max_user_namespaces", "fs/protected_fifos", "kernel/dmesg_restrict"] {
      try place.writing("7\n", to: name)
    }
    var problems: [String] = []
    RunningSystem { problems.append($0) }.applySettings(
      commandLine: "ro sysctl.user.max_user_namespaces=100 sysctl.kernel/dmesg_restrict=0 quiet", in: folder.path)
    func value(_ name: String) throws -> String {
      try String(contentsOf: place.appending(path: name), encoding: .utf8)
    }
    #expect(try value("kernel/kptr_restrict") == "2\n")
    #expect(try value("fs/protected_fifos") == "2\n")
    #expect(try value("user/max_user_namespaces") == "7\n")
    #expect(try value("kernel/dmesg_restrict") == "7\n")
    #expect(problems == [])
  }
}
