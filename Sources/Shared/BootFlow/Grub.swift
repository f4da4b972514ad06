import Crypto
import DeviceModel

/// GRUB, by BIOS or by UEFI.
public typealias GrubFlow = RecordFlow<Grub>

/// What GRUB does, in its own command language. A file of variables is an environment block, and each copy of the record has its
/// checksum in a second file.
public enum Grub: RecordDialect {
  /// GRUB.
  public static let loader = BootRecord.Loader.grub
  /// Folder of its files.
  public static let folder = BootPartition.grub

  /// An environment block.
  public static func block(_ variables: [(name: String, value: String)]) -> [UInt8] {
    GrubEnvironment.block(variables)
  }

  /// The variables of an environment block.
  public static func variables(_ block: [UInt8]) -> [String: String]? { GrubEnvironment.variables(block) }

  /// A line as `sha256sum` writes it.
  public static func checksum(of block: [UInt8], in file: String) -> [UInt8]? {
    let digest = SHA256.hash(data: block).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return Array("\(digest)  /\(file)\n".utf8)
  }

  /// The commands that start a slot.
  public static func startFiles(_ slot: Slot) -> [String] { BootPartition.grubCommands(slot) }
  /// Makes them.
  public static func start(of entry: BootEntry) -> [UInt8] { Array(entry.grubCommands.utf8) }
  /// Whether they begin and end as ours do: GRUB passes over what is none of its commands.
  public static func isWhole(_ start: [UInt8]) -> Bool {
    start.starts(with: BootEntry.grubBegin.utf8) && start.reversed().starts(with: BootEntry.grubEnd.utf8.reversed())
  }
  /// GRUB's configuration.
  public static var commands: (path: String, content: [UInt8]) {
    (BootPartition.grubConfiguration, Array(configuration.utf8))
  }

  /// The modules that the commands need, in addition to those that start a kernel.
  public static let modules = ["gcry_sha256", "hashsum", "loadenv"]

  static let configuration = """
    # Which slot is started. Written by Cultivar; docs/boot-flows.md draws it.
    for copy in 1 2; do
      if [ -z "$cultivar_standard" ]; then
        if hashsum --hash sha256 --check /grub/choice-$copy.sha256; then
          load_env --file /grub/choice-$copy.env cultivar_standard cultivar_trial cultivar_number
        fi
      fi
    done

    # A trial begins once: GRUB writes its number down, and tries nothing unless it can read it again.
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

    # The standard; where its kernel cannot be read, the other slot, which is whole if it has commands.
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
