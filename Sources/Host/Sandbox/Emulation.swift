import FoundationEssentials
import Glibc
import HostSystem

extension Sandbox {
  /// How programs of another architecture are run: by an emulator that the kernel starts in their place (binfmt_misc).
  ///
  /// Since Linux 6.7 a user name space has a table of such programs of its own, so that nothing is registered on the host. Before, what
  /// the host itself has registered counts.
  public struct Emulation: Sendable {
    /// What the programs are made for: an architecture of Debian, which may be one that no image is made for as a whole.
    public enum Target: String, Sendable, CaseIterable {
      /// x86-64.
      case amd64
      /// AArch64.
      case arm64
      /// 32-bit ARM with a floating-point unit.
      case armhf

      /// Debian's triplet for library folders.
      public var multiarch: String {
        switch self {
        case .amd64: Architecture.amd64.multiarch
        case .arm64: Architecture.arm64.multiarch
        case .armhf: "arm-linux-gnueabihf"
        }
      }

      /// QEMU's program for it.
      public var emulator: String {
        switch self {
        case .amd64: "qemu-x86_64"
        case .arm64: "qemu-aarch64"
        case .armhf: "qemu-arm"
        }
      }

      /// `EI_CLASS` and `e_machine` of its programs (System V ABI, chapter 4).
      fileprivate var header: (bits: UInt8, machine: UInt8) {
        switch self {
        case .amd64: (2, 0x3e)
        case .arm64: (2, 0xb7)
        case .armhf: (1, 0x28)
        }
      }
    }

    /// What the programs are made for.
    public var target: Target
    /// The emulator, linked statically; it is opened before the tree becomes the root.
    public var emulator: URL

    /// Makes a way to run programs.
    public init(of target: Target, by emulator: URL) {
      self.target = target
      self.emulator = emulator
    }

    /// The ELF header of the programs up to `e_machine`: class, byte order and version; an executable.
    private var magic: [UInt8] {
      [0x7f, 0x45, 0x4c, 0x46, target.header.bits, 1, 1] + [UInt8](repeating: 0, count: 9)
        + [2, 0, target.header.machine, 0]
    }

    /// Which bits of ``magic`` count: not the ABI's version, and not whether the executable has a fixed address.
    private static let mask: [UInt8] =
      [UInt8](repeating: 0xff, count: 7) + [0] + [UInt8](repeating: 0xff, count: 8) + [0xfe, 0xff, 0xff, 0xff]

    /// The line that registers the emulator: kind, first bytes of the programs and which bits of them count, path, flags. `P` keeps
    /// the programs' own names, `F` opens the emulator at once.
    func registration(path: String) -> String {
      let texts = [magic, Self.mask].map { $0.hexadecimal(each: "\\x") }
      return ":cultivar-\(target.rawValue):M::\(texts[0]):\(texts[1]):\(path):PF"
    }

    /// True if programs of an architecture can be run in sandboxes of this host.
    public static func isPossible(for target: Target) -> Bool {
      isPrivate || Emulation(of: target, by: URL(fileURLWithPath: "/")).isRegistered()
    }

    /// Whether the kernel lets a user name space have a table of its own.
    static var isPrivate: Bool {
      var names = utsname()
      guard uname(&names) == 0 else { return false }
      let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return isPrivate(release: release)
    }

    /// - Parameter release: The kernel's, as `uname -r` prints it.
    static func isPrivate(release: String) -> Bool {
      let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
      return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 7)
    }

    /// Whether the host has registered an emulator for the architecture that needs no file of the tree.
    func isRegistered(on host: URL = URL(fileURLWithPath: "/")) -> Bool {
      let folder = host.appending(path: "proc/sys/fs/binfmt_misc").path
      return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains { name in
        guard let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) else { return false }
        let lines = text.split(separator: "\n")
        return lines.first == "enabled" && lines.contains { $0.hasPrefix("flags:") && $0.contains("F") }
          && lines.contains("magic \(magic.hexadecimal())")
      }
    }
  }

  /// Programs of the host's architecture that stand in for those of the tree, of the same versions: much of what installing packages
  /// runs does the same on every architecture, and emulation makes it ten times slower.
  public struct Twins: Sendable {
    /// Root file system that they come from, unpacked.
    public var tree: URL
    /// A lowest layer for the tree, with places for what the programs need: nothing of that shall stay in the tree.
    public var ground: URL
    /// What the programs need: their loader, the folder of their libraries.
    public var support: [Place]
    /// Folders of what the programs need that are to be seen as empty.
    public var hidden: [String]
    /// The programs.
    public var programs: [Place]

    /// A file or folder that is put over another one.
    public struct Place: Sendable, Hashable {
      /// Absolute path in the twins' own tree.
      public var twin: String
      /// Absolute path in the other tree.
      public var path: String

      /// Names both.
      public init(twin: String, path: String) {
        self.twin = twin
        self.path = path
      }
    }

    /// Makes a set of twins.
    public init(tree: URL, ground: URL, support: [Place], hidden: [String] = [], programs: [Place]) {
      self.tree = tree
      self.ground = ground
      self.support = support
      self.hidden = hidden
      self.programs = programs
    }
  }
}

extension [UInt8] {
  /// The bytes in hexadecimal digits.
  ///
  /// - Parameter mark: What stands before each of them.
  fileprivate func hexadecimal(each mark: String = "") -> String {
    map { byte in mark + (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
