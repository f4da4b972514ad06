/// A double of the firmware of a Raspberry Pi: finds on a disk what the firmware would start, by the same files.
///
/// It follows Raspberry Pi's documentation ("autoboot.txt", "Conditional filters", "Boot options", "EEPROM boot flow")
/// and the release notes of the boot loader. `cultivar run` starts images of devices with it, and tests use it to judge
/// disks.
///
/// It reads: MBR and GPT; FAT; `autoboot.txt` with the one-shot flag and the partition of a restart; the walk through
/// partitions of boot loaders since August 2025; `config.txt` or `tryboot.txt` with filters and `include`; `start_file`
/// and `fixup_file`; `arm_64bit`, `kernel`, `cmdline`, `initramfs`, `ramfsfile`, `auto_initramfs`, `device_tree`,
/// `os_prefix`, `overlay_prefix`, `upstream_kernel`.
///
/// It does not: run any firmware code or check that firmware files work; read an EEPROM (its settings, `BOOT_ORDER`,
/// its age); apply overlays and `dtparam` to the device tree; add the parameters that the firmware adds to the command
/// line and device tree; start 32-bit kernels, `boot.img`, network boot or signed images; know displays, pins, serial
/// numbers or boot variables, whose filters are false; start from logical partitions. Where the documentation is silent
/// it refuses, and says so in the log.
///
/// Everything on the disk may be hostile: all sizes, depths and numbers are limited.
public struct FirmwareDouble: Sendable {
  /// The model that starts.
  public var model: Model
  /// True if the boot loader tries the other partitions if the chosen one cannot be started (`PARTITION_WALK`).
  public var walksPartitions: Bool

  public init(_ model: Model, walksPartitions: Bool = true) {
    self.model = model
    self.walksPartitions = walksPartitions
  }

  /// The files that the firmware would start.
  public struct Start: Sendable {
    /// The partition that it starts from.
    public var partition: Int
    /// True if the one-shot flag was set. Linux sees it in `/proc/device-tree/chosen/bootloader/tryboot`.
    public var isTrial: Bool
    /// The path of the kernel in the partition, and its content.
    public var kernel: File
    /// The initial RAM file system. Several files are concatenated, as the firmware does.
    public var initialRAM: [UInt8]?
    /// The device tree, without overlays.
    public var deviceTree: File
    /// The kernel command line.
    public var commandLine: String
    /// Paths of the overlays that the firmware would apply, in order.
    public var overlays: [String]
    /// The settings of `config.txt` that apply. The last value of a key counts.
    public var settings: [String: String]
    /// The machine of QEMU for this start.
    public var machine: EmulatedMachine
    /// The decisions, in order.
    public var log: [String]
  }

  /// A file on the partition.
  public struct File: Sendable, Equatable {
    public var path: String
    public var bytes: [UInt8]
  }

  /// The reason why nothing is started.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    /// The reason, as a sentence without a period.
    public var reason: String
    /// The decisions so far.
    public var log: [String]

    public var description: String { "the firmware would start nothing: \(reason)" }
  }

  /// Finds what the firmware would start from a disk.
  ///
  /// - Parameters:
  ///   - disk: The disk.
  ///   - restart: The end of the last run.
  /// - Throws: ``Failure``, and errors of reading the disk.
  public func start(_ disk: BootMedium, after restart: Restart = .powerOn) throws -> Start {
    var log: [String] = []
    func refuse(_ reason: String) -> Failure { Failure(reason: reason, log: log) }
    if restart.isHalt { throw refuse("the restart named partition \(Restart.halt), which means to stop") }
    let partitions = try disk.partitions { log.append($0) }
    guard let first = partitions.first else { throw refuse("the disk has no FAT partition in an MBR or GPT") }
    if restart.isTrial { log.append("the one-shot flag is set, and cleared now") }
    if model.chip == .bcm2837, try !first.has("bootcode.bin") {
      throw refuse("partition \(first.number) has no bootcode.bin, which the boot ROM of this model loads")
    }

    var (wanted, isPartitionTrial) = (restart.partition, false)
    if wanted != 0 {
      log.append("the restart named partition \(wanted): autoboot.txt is not read")
    } else if let bytes = try first.read("autoboot.txt", limit: AutobootText.sizeLimit, isCut: true) {
      let text = AutobootText(bytes)
      wanted = restart.isTrial ? text.trialPartition ?? text.partition : text.partition
      isPartitionTrial = text.isPartitionTrial
      log.append("autoboot.txt on partition \(first.number): boot_partition=\(wanted)")
    } else {
      log.append("partition \(first.number) has no autoboot.txt")
    }

    let configuration = restart.isTrial && !isPartitionTrial ? "tryboot.txt" : "config.txt"
    guard let chosen = try choose(wanted, of: partitions, &log) else {
      throw refuse("no partition has \(model.bootableMark)")
    }
    log.append("starting from partition \(chosen.number) with \(configuration)")
    do {
      var loading = Loading(
        model: model, partition: chosen, configuration: configuration, isTrial: restart.isTrial, log: log)
      return try loading.start()
    } catch let failure as Loading.Refusal {
      throw Failure(reason: failure.reason, log: failure.log)
    }
  }

  /// Numbers of the partitions in a walk.
  private static let walk = 1...8

  /// Chooses the partition to start.
  private func choose(
    _ wanted: Int, of partitions: [BootMedium.Partition], _ log: inout [String]
  ) throws -> BootMedium.Partition? {
    func candidate(_ number: Int) throws -> BootMedium.Partition? {
      guard let partition = partitions.first(where: { $0.number == number }) else { return nil }
      return try partition.has(model.bootableMark) ? partition : nil
    }
    if wanted == 0 {
      return try partitions.lazy.compactMap { try candidate($0.number) }.first
    }
    if let partition = try candidate(wanted) { return partition }
    log.append("partition \(wanted) cannot be started: it has no readable FAT with \(model.bootableMark)")
    guard walksPartitions else { return nil }
    // From the next number on, and then from the first again. autoboot.txt is ignored meanwhile.
    let order = Self.walk.filter { $0 > wanted } + Self.walk.filter { $0 < wanted }
    for number in order {
      if let partition = try candidate(number) {
        log.append("walking through the partitions: \(number) can be started")
        return partition
      }
    }
    return nil
  }
}

/// The end of the last run, which decides about the next start.
public struct Restart: Sendable, Equatable {
  /// The partition that the restart named; 0 for none.
  public var partition: Int
  /// True if the one-shot flag is set.
  public var isTrial: Bool

  /// The device was switched on. The flag does not outlive a loss of power.
  public static let powerOn = Restart(partition: 0, isTrial: false)
  /// The number of a partition that makes the firmware stop.
  static let halt = 63

  public init(partition: Int, isTrial: Bool) {
    self.partition = partition
    self.isTrial = isTrial
  }

  /// Interprets the argument of a restart, as Raspberry Pi's kernel does: its watchdog driver reads a number at the
  /// beginning, and its firmware driver looks for ` tryboot`.
  public init(argument: String) {
    let digits = argument.drop { $0 == " " }.prefix { $0.isASCII && $0.isNumber }
    partition = Int(digits).flatMap { (0...Self.halt).contains($0) ? $0 : nil } ?? 0
    isTrial = argument.contains(" tryboot")
  }

  /// Reads the last restart from the text of a console. Without one, the device was switched on.
  ///
  /// - Parameter console: The output of the kernel, such as `reboot: Restarting system with command '0 tryboot'`.
  public init(console: String) {
    let mark = "reboot: Restarting system"
    let line = console.split(whereSeparator: \.isNewline).last { $0.contains(mark) }
    guard let line, let start = line.firstIndex(of: "'"), let end = line.lastIndex(of: "'"), start < end else {
      self = .powerOn
      return
    }
    self.init(argument: String(line[line.index(after: start)..<end]))
  }

  var isHalt: Bool { partition == Self.halt }
}
