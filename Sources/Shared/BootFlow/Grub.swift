import DeviceModel
import Hashing

/// The boot flow of GRUB, for BIOS and UEFI.
public typealias GrubFlow = RecordFlow<Grub>

/// GRUB's files and commands. Variables are stored in environment blocks. Each copy of the record has its checksum in a
/// second file.
public enum Grub: RecordDialect {
  public static let loader = BootLoader.grub
  /// Folder of GRUB's files.
  public static let folder = BootPartition.grub

  public static func block(_ variables: [(name: String, value: String)]) -> [UInt8] {
    GrubEnvironment.block(variables)
  }

  /// Parses an environment block.
  public static func variables(_ block: [UInt8]) -> [String: String]? { GrubEnvironment.variables(block) }

  /// The checksum as a line of `sha256sum`.
  public static func checksum(of block: [UInt8], in file: String) -> [UInt8]? {
    Array("\(Digest(of: block))  /\(file)\n".utf8)
  }

  /// Files with the commands that start a slot.
  public static func startFiles(_ slot: Slot) -> [String] { BootPartition.grubCommands(slot) }
  public static func start(of entry: BootEntry) -> [UInt8] { Array(entry.grubCommands.utf8) }
  /// True if the commands have the expected first and last line. GRUB ignores commands that it does not know, so it
  /// would not notice a damaged file.
  public static func isWhole(_ start: [UInt8]) -> Bool {
    start.starts(with: BootEntry.grubBegin.utf8) && start.reversed().starts(with: BootEntry.grubEnd.utf8.reversed())
  }
  /// GRUB's configuration.
  public static var commands: (path: String, content: [UInt8]) {
    (BootPartition.grubConfiguration, Array(configuration.utf8))
  }

  /// GRUB modules that these commands need, in addition to those that start a kernel.
  public static let modules = ["gcry_sha256", "hashsum", "loadenv"]

  static let configuration = """
    # Chooses the slot to start. Written by Cultivar; docs/boot-flows.md shows the states.
    for copy in 1 2; do
      if [ -z "$cultivar_standard" ]; then
        if hashsum --hash sha256 --check /grub/choice-$copy.sha256; then
          load_env --file /grub/choice-$copy.env cultivar_standard cultivar_trial cultivar_number
        fi
      fi
    done

    # A trial begins once: GRUB writes its number to begun.env, and starts it only if it can read the number back.
    if [ -n "$cultivar_trial" ]; then
      if load_env --file /grub/begun.env cultivar_begun; then
        if [ "$cultivar_begun" != "$cultivar_number" ]; then
          set cultivar_begun=$cultivar_number
          save_env --file /grub/begun.env cultivar_begun
          set cultivar_begun=
          load_env --file /grub/begun.env cultivar_begun
          if [ "$cultivar_begun" = "$cultivar_number" ]; then
            set cultivar_argument=\(KernelParameter.trial)
            for file in grub grub-2; do
              if [ -f /slots/$cultivar_trial/$file.cfg ]; then
                source /slots/$cultivar_trial/$file.cfg
              fi
            done
            set cultivar_argument=
          fi
        fi
      fi
    fi

    # Start the standard. If its kernel cannot be read, start the other slot; it is complete if it has commands.
    for slot in $cultivar_standard a b; do
      for file in grub grub-2; do
        if [ -f /slots/$slot/$file.cfg ]; then
          source /slots/$slot/$file.cfg
        fi
      done
    done
    echo "Cultivar: neither slot can be started; trying again"
    sleep 10
    reboot

    """
}
