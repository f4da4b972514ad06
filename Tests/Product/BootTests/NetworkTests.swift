import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Addresses, names and time.
  @Suite
  struct NetworkTests {
    private static let fixed = """
      layout: appliance-ab
      programs:
      \(Appliances.web)
      network:
        method: fixed
        interfaces: [{ addresses: [10.0.2.15/24, "fec0::15/64"], gateways: [10.0.2.2] }]
        nameServers: [10.0.2.3]
      clock: none
      management: { port: 8081, tokenHash: \(Appliances.managementTokenHash) }
      console: { commands: true }
      """

    private static let timed = """
      layout: appliance-ab
      programs:
      \(Appliances.shell("names", "cat /etc/resolv.conf; sleep 600", "waitFor: [network]"))
      clock: { servers: [10.0.2.2] }
      management: { port: 8081, tokenHash: \(Appliances.managementTokenHash) }
      console: { commands: true }
      """

    @Test("The project's addresses are set without a DHCP client, for both protocols")
    func fixedAddresses() async throws {
      let image = try await BootFixture.shared.image("fixed", Self.fixed)
      let disk = try await BootFixture.shared.disk(from: image)
      let port = VirtualMachine.freePort()
      let statusPort = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: .bios,
        forwards: [.init(host: port, guest: 8080), .init(host: statusPort, guest: 8081)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        let status = try await managementStatus(port: statusPort, of: machine)
        #expect(status.contains("10.0.2.15/24"))
        #expect(status.contains("fec0::15/64"))
        #expect(!status.contains("\"name\":\"network\""), "no client runs")
      }
    }

    @Test("NTP sets the clock, and DHCP provides name servers", .enabled(if: getuid() == 0, "port 123 is root's"))
    func clockAndNames() async throws {
      let image = try await BootFixture.shared.image("timed", Self.timed)
      let disk = try await BootFixture.shared.disk(from: image)
      let statusPort = VirtualMachine.freePort()
      var machine = VirtualMachine.single(disk: disk, firmware: .bios, forwards: [.init(host: statusPort, guest: 8081)])
      machine.extraArguments = ["-rtc", "base=1970-01-02T00:00:00"]
      // 2033-05-18T03:33:20Z
      let server = try NTPServer(time: 2_000_000_000)
      defer { server.stop() }
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        let first = try await managementStatus(port: statusPort, of: machine)
        #expect(!first.contains("\"time\":\"1970"), "the clock is never earlier than the image")
        var status = first
        for _ in 0..<60 where !status.contains("\"clockSynchronised\":true") {
          try await Task.sleep(for: .seconds(1))
          status = try await managementStatus(port: statusPort, of: machine)
        }
        #expect(status.contains("\"time\":\"2033-05-18"))
        #expect(status.contains("\"clockSynchronised\":true"))
        let names = try await machine.command("logs names").output
        #expect(names.contains("nameserver 10.0.2.3"))
      }
    }
  }
}

/// An NTP server (RFC 5905) on loopback, whose time is set by the test. It ends with the test.
final class NTPServer: @unchecked Sendable {
  private let descriptor: Int32
  private let thread: Thread

  /// Seconds from 1900 to 1970.
  private static let epoch: UInt32 = 2_208_988_800

  /// Begins to answer.
  ///
  /// - Parameter time: The time at the start, in seconds since 1970. It advances from there.
  init(time: UInt32) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(123).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try #require(isBound, "port 123 of loopback is free")
    descriptor = socket
    let start = ContinuousClock().now
    thread = Thread {
      var request = [UInt8](repeating: 0, count: 48)
      var peer = sockaddr_storage()
      while true {
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &peer) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(socket, &request, 48, 0, $0, &length) }
        }
        guard count == 48 else { return }
        let passed = UInt32((ContinuousClock().now - start).components.seconds)
        let answer = Self.answer(to: request, seconds: time + passed)
        _ = withUnsafePointer(to: &peer) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(socket, answer, 48, 0, $0, length) }
        }
      }
    }
    thread.start()
  }

  private static func answer(to request: [UInt8], seconds: UInt32) -> [UInt8] {
    var answer = [UInt8](repeating: 0, count: 48)
    // Version 4, mode server; stratum 1; poll; precision of a microsecond; plausible root values and reference.
    answer.replaceSubrange(0..<4, with: [0x24, 1, 4, 0xec])
    answer.replaceSubrange(12..<16, with: Array("TEST".utf8))
    let now = (0..<4).map { UInt8(truncatingIfNeeded: (seconds &+ epoch) >> (24 - 8 * UInt32($0))) } + [0, 0, 0, 0]
    answer.replaceSubrange(16..<24, with: now)
    answer.replaceSubrange(24..<32, with: request[40..<48])
    answer.replaceSubrange(32..<40, with: now)
    answer.replaceSubrange(40..<48, with: now)
    return answer
  }

  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }
}
