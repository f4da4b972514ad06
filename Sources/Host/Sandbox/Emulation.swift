import FoundationEssentials
import Glibc
import Hexadecimal
import HostSystem
import SandboxPlan

extension Sandbox {
  /// An emulator for programs of another architecture, which the kernel starts for them (binfmt_misc).
  ///
  /// Since Linux 6.7, a user namespace has its own table of such emulators, so nothing is registered on the host. With
  /// older kernels, the emulators that the host has registered are used.
  public struct Emulation: Sendable {
    /// The architecture of the programs, by Debian's name. It may be one without images of its own.
    public enum Target: String, Sendable, CaseIterable {
      /// x86-64.
      case amd64
      /// AArch64.
      case arm64
      /// 32-bit ARM with a floating-point unit.
      case armhf

      /// Debian's multiarch triplet, used in library paths.
      public var multiarch: String {
        switch self {
        case .amd64: Architecture.amd64.multiarch
        case .arm64: Architecture.arm64.multiarch
        case .armhf: "arm-linux-gnueabihf"
        }
      }

      /// Name of QEMU's program for the architecture.
      public var emulator: String {
        switch self {
        case .amd64: "qemu-x86_64"
        case .arm64: "qemu-aarch64"
        case .armhf: "qemu-arm"
        }
      }

      /// `EI_CLASS` and `e_machine` of the programs (System V ABI, chapter 4).
      fileprivate var header: (bits: UInt8, machine: UInt8) {
        switch self {
        case .amd64: (2, 0x3e)
        case .arm64: (2, 0xb7)
        case .armhf: (1, 0x28)
        }
      }
    }

    /// The architecture of the programs.
    public var target: Target
    /// The emulator, linked statically. It is opened before the tree becomes the root.
    public var emulator: URL

    public init(of target: Target, by emulator: URL) {
      self.target = target
      self.emulator = emulator
    }

    /// The ELF header of an executable up to `e_machine`, with its class, byte order and version.
    private var magic: [UInt8] {
      [0x7f, 0x45, 0x4c, 0x46, target.header.bits, 1, 1] + [UInt8](repeating: 0, count: 9)
        + [2, 0, target.header.machine, 0]
    }

    /// The bits of ``magic`` that count. Not included are the ABI version, and the bit that distinguishes executables
    /// with and without a fixed address.
    private static let mask: [UInt8] =
      [UInt8](repeating: 0xff, count: 7) + [0] + [UInt8](repeating: 0xff, count: 8) + [0xfe, 0xff, 0xff, 0xff]

    /// Returns the line that registers the emulator: type, magic and mask of the programs, path, flags.
    ///
    /// The flag `P` keeps the program's own name, and `F` opens the emulator at once.
    func registration(path: String) -> String {
      let texts = [magic, Self.mask].map { bytes in bytes.map { "\\x" + $0.hexadecimal }.joined() }
      return ":cultivar-\(target.rawValue):M::\(texts[0]):\(texts[1]):\(path):PF"
    }

    /// Returns true if sandboxes on this host can run programs of an architecture.
    public static func isPossible(for target: Target) -> Bool {
      isPrivate || Emulation(of: target, by: URL(fileURLWithPath: "/")).isRegistered()
    }

    /// True if the kernel has a table of emulators for each user namespace.
    static var isPrivate: Bool {
      var names = utsname()
      guard uname(&names) == 0 else { return false }
      let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return isPrivate(release: release)
    }

    /// - Parameter release: Kernel release, as `uname -r` prints it.
    static func isPrivate(release: String) -> Bool {
      let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
      return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 7)
    }

    /// Returns true if the host has registered an emulator for the architecture that does not depend on files in the
    /// tree.
    func isRegistered(on host: URL = URL(fileURLWithPath: "/")) -> Bool {
      let folder = host.appending(path: "proc/sys/fs/binfmt_misc").path
      return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains { name in
        guard let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) else { return false }
        let lines = text.split(separator: "\n")
        return lines.first == "enabled" && lines.contains { $0.hasPrefix("flags:") && $0.contains("F") }
          && lines.contains("magic \(magic.hexadecimal)")
      }
    }
  }

  /// Programs of the host's architecture that replace those of the tree, in the same versions.
  ///
  /// Many programs that run during an installation do the same on every architecture, and emulation makes them ten
  /// times slower.
  public struct Twins: Sendable {
    /// A lowest layer for the tree, with mount points for the support files, so that none are created in the tree.
    public var ground: URL
    /// The mounts of the programs.
    public var mounts: SandboxPlan.Twins

    /// A file or folder of the native programs' tree that is mounted over another one.
    public typealias Place = SandboxPlan.Twin

    public init(ground: URL, mounts: SandboxPlan.Twins) {
      self.ground = ground
      self.mounts = mounts
    }
  }
}
