import DeviceModel

/// The boot flow of U-Boot in a board's firmware.
public typealias UBootFlow = RecordFlow<UBoot>

/// U-Boot's files and commands. All files are environments with a checksum, as `env import -c` reads them.
///
/// This needs no special build of U-Boot: its standard search for a boot script on each disk finds Cultivar's script.
/// Few builds have `bootcount`, so the script counts the trials. The environment is on the boot partition, and not in
/// the place that a build uses for its own.
public enum UBoot: RecordDialect {
  public static let loader = BootLoader.uBoot
  /// Folder of U-Boot's files.
  public static let folder = BootPartition.uBoot

  /// One sector, so that a power cut leaves the file old or new.
  private static let blockLength = 512

  public static func block(_ variables: [(name: String, value: String)]) -> [UInt8] {
    UBootEnvironment.bytes(variables, length: blockLength)
  }

  /// Parses an environment.
  public static func variables(_ block: [UInt8]) -> [String: String]? { UBootEnvironment.variables(block) }

  /// Always `nil`: an environment contains its own checksum.
  public static func checksum(of block: [UInt8], in file: String) -> [UInt8]? { nil }

  /// Environments with the kernel command line.
  public static func startFiles(_ slot: Slot) -> [String] { BootPartition.uBootEnvironments(slot) }

  public static func start(of entry: BootEntry) -> [UInt8] {
    let line = entry.options(loader: loader).joined(separator: " ")
    return UBootEnvironment.bytes([(arguments, line)])
  }

  /// True if the checksum is correct and the command line is present.
  public static func isWhole(_ start: [UInt8]) -> Bool { variables(start)?[arguments] != nil }

  public static var commands: (path: String, content: [UInt8]) {
    (BootPartition.uBootScript, UBootScript.image(of: script, name: "Cultivar"))
  }

  private static let arguments = "cultivar_arguments"

  /// U-Boot sets `devtype`, `devnum` and `distro_bootpart` to the location of the script. The device tree is the slot's
  /// for the board (`fdtfile`), or else the one from the firmware before U-Boot (`fdt_addr`), or else U-Boot's own.
  static let script = """
    # Chooses the slot to start. Written by Cultivar; docs/boot-flows.md shows the states.
    setenv cultivar_standard
    setenv cultivar_trial
    setenv cultivar_number
    setenv cultivar_begun
    setenv cultivar_argument
    # An image for a board has the consoles of the board. In QEMU, the console is another one.
    setenv cultivar_console
    if test "${board}" = "qemu-arm"; then setenv cultivar_console console=ttyAMA0; fi
    setenv cultivar_disk "${devtype} ${devnum}:${distro_bootpart}"
    part uuid ${cultivar_disk} cultivar_partition
    setenv cultivar_firmware_tree ${fdtcontroladdr}
    if test -n "${fdt_addr}" && fdt addr ${fdt_addr}; then setenv cultivar_firmware_tree ${fdt_addr}; fi

    # U-Boot for the Raspberry Pi leaves 36 MiB for a kernel, moves it to a multiple of 2 MiB, and overwrites what lies
    # behind it. So: the kernel where it stays, from 2 MiB on; the device tree at 63 MiB, the initial RAM file system
    # from 64 MiB on.
    if test "${board}" = "rpi"; then
      setenv kernel_addr_r 0x00200000
      setenv fdt_addr_r 0x03f00000
      setenv ramdisk_addr_r 0x04000000
    fi

    setenv cultivar_find_tree 'setenv cultivar_tree ${cultivar_firmware_tree}; setenv cultivar_trees /slots/${cultivar_slot}/device-trees; if test -n "${fdtfile}" && test -n "${fdt_addr_r}" && load ${cultivar_disk} ${scriptaddr} ${cultivar_trees} 0x2000 && env import -c ${scriptaddr} 0x2000; then run tree_${fdtfile}; fi'
    setenv cultivar_boot 'booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${cultivar_tree}'
    setenv cultivar_load 'run cultivar_find_tree; load ${cultivar_disk} ${kernel_addr_r} /slots/${cultivar_slot}/linux && load ${cultivar_disk} ${ramdisk_addr_r} /slots/${cultivar_slot}/initrd && run cultivar_boot'
    setenv cultivar_line 'setenv bootargs "${cultivar_arguments} \(KernelParameter.bootPartition)=${cultivar_partition} ${cultivar_console} ${cultivar_argument}"'
    setenv cultivar_try 'if load ${cultivar_disk} ${scriptaddr} /slots/${cultivar_slot}/${cultivar_file} && env import -c ${scriptaddr} ${filesize} cultivar_arguments; then run cultivar_line; run cultivar_load; fi'
    setenv cultivar_start 'setenv cultivar_file u-boot.env; run cultivar_try; setenv cultivar_file u-boot-2.env; run cultivar_try'

    for copy in 1 2; do
      if test -z "${cultivar_standard}"; then
        if load ${cultivar_disk} ${scriptaddr} /u-boot/choice-${copy}.env; then
          env import -c ${scriptaddr} ${filesize} cultivar_standard cultivar_trial cultivar_number
        fi
      fi
    done

    # A trial begins once: U-Boot writes its number to begun.env, and starts it only if it can read the number back.
    if test -n "${cultivar_trial}"; then
      if load ${cultivar_disk} ${scriptaddr} /u-boot/begun.env && env import -c ${scriptaddr} ${filesize} cultivar_begun; then
        if test "${cultivar_begun}" != "${cultivar_number}"; then
          setenv cultivar_begun ${cultivar_number}
          env export -c -s 0x200 ${scriptaddr} cultivar_begun
          fatwrite ${cultivar_disk} ${scriptaddr} /u-boot/begun.env 0x200
          setenv cultivar_begun
          mw.b ${scriptaddr} 0 0x200
          if load ${cultivar_disk} ${scriptaddr} /u-boot/begun.env && env import -c ${scriptaddr} ${filesize} cultivar_begun; then
            if test "${cultivar_begun}" = "${cultivar_number}"; then
              setenv cultivar_slot ${cultivar_trial}
              setenv cultivar_argument \(KernelParameter.trial)
              run cultivar_start
              setenv cultivar_argument
            fi
          fi
        fi
      fi
    fi

    # Start the standard. If its kernel cannot be read, start the other slot; it is complete if it has a command line.
    for slot in ${cultivar_standard} a b; do
      setenv cultivar_slot ${slot}
      run cultivar_start
    done
    echo "Cultivar: neither slot can be started; trying again"
    sleep 10
    reset

    """
}
