import RootFilesystem
import Testing

@Suite("Unavailable kernel modules")
struct KernelModuleFailureTests {
  @Test("For an unknown module, the kernel's nearest name is suggested")
  func nearest() {
    let failure = KernelModuleFailure.unknown(
      ["virtio_ent"], version: "6.12.1", available: ["e1000", "virtio_blk", "virtio_net"])
    #expect(
      failure.description == """
        kernel 6.12.1 has no module `virtio_ent`
          did you mean `virtio_net`?
        """)
  }

  @Test("A kernel without modules is an error that says how to set their folder")
  func none() {
    #expect(
      KernelModuleFailure.noModules(kernel: "bzImage").description == """
        bzImage has no folder of modules, but the image needs modules
          name the folder with `kernel: { path: …, modulesFolder: … }`
        """)
  }
}
