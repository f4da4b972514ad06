import Glibc
import LinuxSystem
import TestFixtures
import Testing

@Suite struct ChildProcessTests {
  private func shell(_ script: String) -> ProcessStart {
    ProcessStart("/bin/sh", ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin", "A=b c"])
  }

  @Test func `output, environment and status come back`() throws {
    let (end, output) = try ChildProcess.run(shell("echo \"$A\"; exit 3"))
    #expect(end == .exited(3))
    #expect(String(decoding: output, as: UTF8.self) == "b c\n")
  }

  @Test func `a signal is told from a status`() throws {
    #expect(try ChildProcess.run(shell("kill -KILL $$")).end == .signalled(9))
  }

  @Test func `output beyond the limit is read and dropped`() throws {
    let (end, output) = try ChildProcess.run(shell("head -c 1000000 /dev/zero"), outputLimit: 100)
    #expect(end == .exited(0))
    #expect(output.count == 100)
  }

  @Test func `an executable that is not there is named with the reason`() throws {
    let error = try #require(throws: StartError.self) {
      try ChildProcess.run(ProcessStart("/no/such/program", ["x"], environment: []))
    }
    #expect(error.description == "cannot start /no/such/program: cannot execute it: No such file or directory")
  }

  @Test func `a folder that is not there is named with the reason`() throws {
    var start = shell("true")
    start.directory = "/no/such/folder"
    let error = try #require(throws: StartError.self) { try ChildProcess.run(start) }
    #expect(error.description == "cannot start /bin/sh: cannot change to /no/such/folder: No such file or directory")
  }

  @Test func `a process is a session of its own, without new privileges and blocked signals`() throws {
    let script = "read -r pid _ _ _ group session _ < /proc/self/stat; [ $pid = $session ] && echo own; "
    let (_, output) = try ChildProcess.run(shell(script + "grep -E 'NoNewPrivs|SigBlk' /proc/self/status"))
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
    #expect(lines.contains("own"))
    #expect(lines.contains("NoNewPrivs:\t1"))
    #expect(lines.contains("SigBlk:\t0000000000000000"))
  }

  @Test(.enabled(if: geteuid() == 0))
  func `another user keeps only the capabilities it was given`() throws {
    var start = shell("id -u; id -G; grep -E 'Cap(Eff|Bnd|Amb)' /proc/self/status")
    start.user = (12_345, 12_346)
    start.capabilities = CapabilitySet(names: ["net_bind_service"])
    let (_, output) = try ChildProcess.run(start)
    let mask = "0000000000000400"
    #expect(
      String(decoding: output, as: UTF8.self)
        == "12345\n12346\nCapEff:\t\(mask)\nCapBnd:\t\(mask)\nCapAmb:\t\(mask)\n")
  }

  @Test(.enabled(if: geteuid() == 0))
  func `its own tmp is empty and nobody else sees it`() throws {
    let name = "cultivar-test-\(getpid())"
    var start = shell("ls -A /tmp; touch /tmp/\(name)")
    start.privateTmp = true
    let (end, output) = try ChildProcess.run(start)
    #expect(end == .exited(0))
    #expect(output.isEmpty)
    #expect(!FileTree.exists("/tmp/\(name)"))
  }

  @Test(.enabled(if: geteuid() == 0))
  func `it sees the few devices that it is given, shared folders of its own, and settings that nobody can write`()
    throws
  {
    let folder = try TemporaryFolder()
    try FileTree.makeFolders(folder.path + "/shm")
    try FileTree.replace(folder.path + "/null", with: [])
    var start = shell(
      "ls /dev; touch /dev/x || echo no; true > /proc/sys/kernel/hostname || echo no; mkdir /sys/fs/cgroup/x || echo no; "
        + "touch /dev/shm/x /var/tmp/x; ls /dev/shm; ls -A /var/tmp")
    (start.privateTmp, start.devices, start.readsKernelOnly) = (true, folder.path, true)
    let (end, output) = try ChildProcess.run(start)
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").filter { !$0.contains(": ") }
    #expect(end == .exited(0))
    #expect(lines == ["null", "shm", "no", "no", "no", "x", "x"])
  }

  @Test func `unknown capabilities are refused`() {
    #expect(CapabilitySet(names: ["net_admin", "fly"]) == nil)
    #expect(CapabilitySet(names: ["net_admin"])?.contains("net_admin") == true)
    #expect(CapabilitySet(names: ["net_admin"])?.contains("sys_admin") == false)
    #expect(CapabilitySet(names: ["chown", "checkpoint_restore"])?.mask == 1 | 1 << 40)
  }
}
