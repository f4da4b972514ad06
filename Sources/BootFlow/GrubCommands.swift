import DeviceModel

/// What GRUB does, in its own command language, and the files that it does it with.
enum GrubCommands {
  /// Variables of the record.
  static let (standard, trial, number) = ("cultivar_standard", "cultivar_trial", "cultivar_number")
  /// Variable of the file that GRUB writes.
  static let begunNumber = "cultivar_begun"

  /// A copy of the record.
  static func record(_ copy: Int) -> String { "\(BootPartition.grub)/choice-\(copy).env" }
  /// The checksum of a copy.
  static func checksum(_ copy: Int) -> String { "\(BootPartition.grub)/choice-\(copy).sha256" }
  /// What GRUB has begun.
  static let begun = "\(BootPartition.grub)/begun.env"

  /// The modules that the commands need, in addition to those that start a kernel.
  static let modules = ["gcry_sha256", "hashsum", "loadenv"]

  /// GRUB's configuration: the same for every release.
  static let configuration = """
    # Which slot is started. Written by Cultivar; docs/boot-flows.md draws it.
    for copy in 1 2; do
      if [ -z "$\(standard)" ]; then
        if hashsum --hash sha256 --check /\(BootPartition.grub)/choice-$copy.sha256; then
          load_env --file /\(BootPartition.grub)/choice-$copy.env \(standard) \(trial) \(number)
        fi
      fi
    done

    # A trial begins once: GRUB writes its number down, and tries nothing unless it can read it again.
    if [ -n "$\(trial)" ]; then
      if load_env --file /\(begun) \(begunNumber); then
        if [ "$\(begunNumber)" != "$\(number)" ]; then
          set \(begunNumber)=$\(number)
          save_env --file /\(begun) \(begunNumber)
          set \(begunNumber)=
          load_env --file /\(begun) \(begunNumber)
          if [ "$\(begunNumber)" = "$\(number)" -a -f /slots/$\(trial)/grub.cfg ]; then
            set cultivar_argument=\(KernelParameter.trial)
            source /slots/$\(trial)/grub.cfg
            set cultivar_argument=
          fi
        fi
      fi
    fi

    # The standard; where its kernel cannot be read, the other slot, which is whole if it has commands.
    for slot in $\(standard) a b; do
      if [ -f /slots/$slot/grub.cfg ]; then
        source /slots/$slot/grub.cfg
      fi
    done
    echo "Cultivar: neither slot can be started; trying again"
    sleep 10
    reboot

    """
}
