import DeviceInit
import FoundationEssentials
import Glibc
import LinuxSystem

/// The hook script of the DHCP client.
enum NameServerHook {
  static func run() -> Never {
    guard let event = DHCPHook(environment: ProcessInfo.processInfo.environment) else { exit(0) }
    do {
      try ResolverConfiguration().set(event.source, to: event.entry)
      exit(0)
    } catch {
      try? Descriptor.standardError.write(all: Array("dhcp-hook: \(error)\n".utf8))
      exit(1)
    }
  }
}
