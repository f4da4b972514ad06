import CLinuxSystem
import Glibc

/// A pseudoterminal (`pty(7)`).
public struct PseudoTerminal {
  /// The side of the terminal emulator.
  public let master: Descriptor
  /// The side of the programs.
  public let slave: Descriptor

  /// Makes a pseudoterminal. Both sides are closed on `execve`.
  ///
  /// - Parameter multiplexer: The `ptmx` node of the devpts file system to use.
  /// - Throws: ``SystemError``.
  public init(_ multiplexer: String = "/dev/pts/ptmx") throws(SystemError) {
    let master = try Descriptor(opening: multiplexer, O_RDWR | O_NOCTTY)
    slave = Descriptor(owning: try check("make", "a terminal") { cultivar_open_terminal_peer(master.number) })
    self.master = master
  }
}
