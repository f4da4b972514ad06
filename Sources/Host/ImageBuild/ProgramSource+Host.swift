import HostSystem
import Project

extension ProgramSource {
  /// The toolchain of the build host that the source needs; `nil` for sources that are finished executables.
  var hostUse: HostProgram.Use? {
    switch self {
    case .swift: .swift
    case .cargo, .cargoRegistry: .cargo
    case .go, .goModule: .go
    case .executable, .debian: nil
    }
  }
}
