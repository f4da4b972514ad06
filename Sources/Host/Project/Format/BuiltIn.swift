/// The device classes that a project can name; what they are made of is the build's business.
public enum BuiltInDeviceClass: String, Sendable, CaseIterable {
  /// A computer with an x86-64 processor that boots by UEFI or BIOS.
  case genericX86 = "generic-x86_64"
  /// 64-bit ARM machines, by UEFI or U-Boot.
  case genericARM = "generic-arm64"
}

/// The layouts that a project can name, with the least that their partitions must hold.
public enum BuiltInLayout: String, Sendable, CaseIterable {
  /// An appliance with two slots, a boot partition and a data partition.
  case applianceAB = "appliance-ab"
  /// A system with two slots, a boot partition and a data partition.
  case systemAB = "system-ab"
  /// A system with one slot, which follows the size of what is in it: it is not updated as a whole.
  case systemSingle = "system-single"

  /// The smallest boot partition, in bytes: two kernels with their initial RAM file systems, and FAT32's own minimum.
  public var minimumBootSize: Int64 { 64 << 20 }
  /// The smallest slot, in bytes: the device executable, certificates and time zones, and a little program.
  public var minimumSlotSize: Int64 { 16 << 20 }
  /// The smallest data partition, in bytes: ext4 with a journal, and the records.
  public var minimumDataSize: Int64 { 8 << 20 }
}

/// File systems that a slot can have.
public enum RootFileSystem: String, Sendable, CaseIterable {
  /// EROFS, the default.
  case erofs
  /// SquashFS.
  case squashfs
  /// ext4, mounted read-only.
  case ext4
}
