import DeviceHardware
import Testing

@Suite struct ModuleIndexTests {
  private let index = ModuleIndex(
    dependencies: Array(
      """
      kernel/drivers/virtio/virtio.ko:
      kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
      kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
      kernel/fs/erofs/erofs.ko: kernel/lib/lz4/lz4-decompress.ko
      kernel/lib/lz4/lz4-decompress.ko:
      kernel/lib/libcrc32c.ko:
      kernel/crypto/crc32c-generic.ko:
      kernel/fs/f2fs/f2fs.ko:
      """.utf8),
    aliases: Array(
      """
      # Aliases extracted from modules themselves.
      alias virtio:d00000002v* virtio-blk
      alias pci:v00008086d00007010sv*sd*bc*sc*i* ata_piix
      alias fs-erofs erofs
      alias virtio:d0000000[3-5]v* virtio_console
      alias virtio:* virtio_any
      alias acpi*:LNXPWRBN:* button
      alias crypto-crc32c crc32c_generic
      """.utf8),
    softDependencies: Array(
      """
      softdep erofs pre: libcrc32c
      softdep libcrc32c pre: crc32c-generic post: absent
      softdep f2fs pre: crypto-crc32c
      """.utf8),
    builtIn: Array("kernel/fs/ext4/ext4.ko\n".utf8))

  @Test func `what a module needs comes before it, the farthest first`() {
    #expect(index.loadOrder(of: "virtio_blk") == ["virtio", "virtio_ring", "virtio_blk"])
  }

  @Test func `soft dependencies are taken along where they exist`() {
    #expect(index.loadOrder(of: "erofs") == ["crc32c_generic", "libcrc32c", "lz4_decompress", "erofs"])
  }

  @Test func `a soft dependency may be an alias, written as in the module`() {
    #expect(index.loadOrder(of: "f2fs") == ["crc32c_generic", "f2fs"])
  }

  @Test func `hyphens and underscores in a name are the same`() {
    #expect(index.path(of: "lz4_decompress") == "kernel/lib/lz4/lz4-decompress.ko")
    #expect(index.path(of: "lz4-decompress") == "kernel/lib/lz4/lz4-decompress.ko")
  }

  @Test func `hardware finds its module by pattern`() {
    #expect(index.modules(forAlias: "virtio:d00000002v00001AF4") == ["virtio_blk", "virtio_any"])
    #expect(index.modules(forAlias: "virtio:d00000004v00001AF4") == ["virtio_console", "virtio_any"])
    #expect(index.modules(forAlias: "pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80") == ["ata_piix"])
    #expect(index.modules(forAlias: "acpi:LNXPWRBN:") == ["button"])
    #expect(index.modules(forAlias: "usb:v1D6Bp0002").isEmpty)
  }

  @Test func `built-in modules are known and need no loading`() {
    #expect(index.isBuiltIn("ext4"))
    #expect(index.loadOrder(of: "ext4").isEmpty)
  }
}
