import CLinuxSystem
import Glibc

/// A pseudoterminal (`pty(7)`).
public struct PseudoTerminal {
  /// The side of whoever shows the terminal.
  public let master: Descriptor
  /// The terminal itself, for programs.
  public let slave: Descriptor

  /// Makes a pseudoterminal; both ends are closed on `execve`.
  ///
  /// - Parameter multiplexer: `ptmx` of the file system of terminals that it shall be in.
  /// - Throws: ``SystemError``.
  public init(_ multiplexer: String = "/dev/pts/ptmx") throws(SystemError) {
    let master = try Descriptor(opening: multiplexer, O_RDWR | O_NOCTTY)
    slave = Descriptor(owning: try check("make", "a terminal") { cultivar_open_terminal_peer(master.number) })
    self.master = master
  }
}
