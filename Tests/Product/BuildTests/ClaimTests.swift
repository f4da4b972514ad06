import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("Claims of a layer that its packages do not meet", .enabled(if: Workshop.isReady, Workshop.condition))
struct ClaimTests {
  /// Builds a system with a layer and returns the errors. The build must fail unless `status` is 0.
  private func said(
    of layer: String, requires: String = "debian-minimal", kernel: String = "", status: Int32 = 1,
    files: [String: String] = [:]
  ) async throws -> String {
    try await withTemporaryFolder { folder in
      try folder.writing(
        """
        cultivar: 1
        name: test
        images:
          box:
            device: generic-x86_64
            base: trixie
            layout: system-single
            kernel: { package: linux-image-cloud-amd64\(kernel) }
            layers: [wrong]

        """, to: "cultivar.yaml")
      try folder.writing(
        "cultivar: 1\ndescription: Wrong\nrequires: [\(requires)]\n\(layer)\n", to: "layers/wrong/layer.yaml")
      for (name, text) in files { try folder.writing(text, to: "layers/wrong/\(name)") }
      let verdict = try Workshop.run(["build", "-q"], in: folder, environment: LibrarySystem.environment)
      #expect(verdict.status == status, "\(verdict.errors)")
      let images = (try? FolderTree.names(in: folder.appending(path: "build/box").path)) ?? []
      #expect(images.contains("box.img") == (status == 0))
      return verdict.errors
    }
  }

  @Test("Missing accounts, owners and units are all reported at once, each with its line and the nearest name")
  func all() async throws {
    let said = try await said(
      of: """
        packages: [passwd]
        groups: { gpio: { gid: 27 } }
        users:
          keeper:
            uid: 1
            groups: [adm, sduo]
        files:
          - { path: /etc/a, content: x, owner: gatway }
          - { path: /etc/b, content: x, group: sduo }
        units:
          add: [./own.service]
          enable:
            - own.service
            - dbus-orgs.service
          disable: [dpkg-db-backup.tmer.timer]
        """, files: ["own.service": "[Service]\nExecStart=/bin/true\n"])

    for line in [
      "layer.yaml:5:11: error: the group 'gpio' cannot have the number 27: the group 'sudo' has it\n",
      "layer.yaml:7:3: error: the user 'keeper' cannot have the number 1: the user 'daemon' has it\n",
      "layer.yaml:9:19: error: there is no group 'sduo' for the user 'keeper'\n  did you mean 'sudo'?",
      "layer.yaml:11:5: error: there is no user 'gatway' to own /etc/a\n",
      "layer.yaml:12:5: error: there is no group 'sduo' to own /etc/b\n",
      "layer.yaml:17:7: error: no package or layer contains the unit 'dbus-orgs.service', which 'enable' names\n",
      "layer.yaml:18:13: error: no package or layer contains the unit 'dpkg-db-backup.tmer.timer', which 'disable' names\n",
    ] {
      #expect(said.contains(line), "\(said)")
    }
  }

  @Test("A unit that cannot be enabled is reported with the missing section of its file")
  func notInstallable() async throws {
    let said = try await said(
      of: "units: { add: [./own.service], enable: [own.service], mask: [\"getty@tty1.service\"] }",
      files: ["own.service": "[Service]\nExecStart=/bin/true\n"])

    #expect(
      said.contains(
        "layer.yaml:4:41: error: the unit 'own.service' cannot be enabled: its section [Install] names no unit that starts it\n"
      ),
      "\(said)")
  }

  @Test("Units that systemd would not start are refused with the line in their file; ignored settings are reported")
  func verified() async throws {
    let refused = try await said(
      of: "units: { add: [./own.service, ./other.timer] }",
      files: [
        "own.service": "[Unit]\nDescriptn=x\n[Service]\nExecStart=/bin/nope\n",
        "other.timer": "[Unit]\nDescription=x\n[Tmer]\nOnBootSec=1\n",
      ])

    #expect(refused.contains("wrong/own.service:2:1: warning: Unknown key 'Descriptn' in section [Unit]"), "\(refused)")
    #expect(
      refused.contains("wrong/own.service:4:1: error: the unit 'own.service': Command /bin/nope is not executable"),
      "\(refused)")
    #expect(refused.contains("wrong/other.timer:3:1: error: Unknown section 'Tmer'"), "\(refused)")

    let made = try await said(
      of:
        "units: { add: [./own.service], mask: [dbus-orgs.service] }\nfiles: [{ path: /etc/a, content: a, owner: \"4711\" }]",
      status: 0, files: ["own.service": "[Unit]\nDescriptn=x\n[Service]\nExecStart=/bin/true\n"])

    #expect(
      made.contains("warning: layers/wrong/own.service:2:1: Unknown key 'Descriptn' in section [Unit]"), "\(made)")
    #expect(
      made.contains("layer.yaml:4:39: no package or layer contains the unit 'dbus-orgs.service', which 'mask' names"),
      "\(made)")
    #expect(made.contains("layer.yaml:5:9: no user or group has the number 4711, which owns /etc/a"), "\(made)")
  }

  @Test(
    "Accounts of units and units of additions are asked for when the root is complete, at the line of the layer's file")
  func accountsOfUnits() async throws {
    let said = try await said(
      of: """
        units: { add: [./own.service, ./free.service] }
        files:
          - { path: /etc/systemd/system/dbus-orgs.service.d/x.conf, source: ./x.conf }
          - { path: /etc/systemd/system/systemd-journald.service.d/x.conf, content: "[Service]\\nSupplementaryGroups=vidio\\n" }
          - { path: /usr/lib/sysusers.d/late.conf, content: "u late - -\\n" }
        """,
      files: [
        "own.service": "[Service]\nExecStart=/bin/true\nUser=nobdy\nGroup=daemon\n",
        "free.service": "[Service]\nExecStart=/bin/true\nDynamicUser=yes\nUser=free\nSupplementaryGroups=late\n",
        "x.conf": "[Service]\nNice=1\n",
      ])

    for line in [
      "wrong/own.service:3:1: error: there is no user 'nobdy', which 'User' of the unit 'own.service' names: the unit would not start\n",
      "did you mean 'nobody'?",
      "wrong/x.conf:1:1: error: the settings have no effect: no package or layer contains the unit 'dbus-orgs.service'\n",
      "layer.yaml:7:5: error: there is no group 'vidio', which 'SupplementaryGroups' of the unit 'systemd-journald.service' names",
    ] {
      #expect(said.contains(line), "\(said)")
    }
    #expect(!said.contains("free") && !said.contains("late") && !said.contains("'daemon'"), "\(said)")
  }

  @Test("A layer may enable a unit that a later layer's packages or files bring; one that none brings is refused")
  func laterUnit() async throws {
    let judge =
      "cd /etc/systemd/system; [ -L multi-user.target.wants/nginx.service ]; [ -L multi-user.target.wants/after.service ]; [ ! -e /var/lib/cultivar-late-units ]"
    let project = """
      cultivar: 1
      name: test
      images:
        box:
          device: generic-x86_64
          base: trixie
          layout: system-single
          kernel: { package: linux-image-cloud-amd64 }
          layers: [debian-minimal, first, second]
          files: [{ path: /etc/systemd/system/after.service, content: "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n" }]
          steps: { judge: { phase: last, run: "\(judge)" } }

      """
    try await withTemporaryFolder { folder in
      try folder.writing(project, to: "cultivar.yaml")
      func first(_ units: String) throws {
        try folder.writing(
          "cultivar: 1\ndescription: First\nrequires: [debian-minimal]\nunits: { enable: [\(units)] }\n",
          to: "layers/first/layer.yaml")
      }
      try folder.writing(
        "cultivar: 1\ndescription: Second\nrequires: [first]\npackages: [nginx]\n", to: "layers/second/layer.yaml")
      try first("nginx.service, after.service")
      let made = try Workshop.run(["build", "-q"], in: folder, environment: LibrarySystem.environment)
      #expect(made.status == 0 && made.errors == "", "\(made.errors)")

      try first("nginx.service, after.service, ngnix.service")
      let refused = try Workshop.run(["build", "-q"], in: folder, environment: LibrarySystem.environment)
      #expect(refused.status == 1)
      #expect(
        refused.errors.contains(
          "first/layer.yaml:4:49: error: no package or layer contains the unit 'ngnix.service', which 'enable' names\n"),
        "\(refused.errors)")
    }
  }

  @Test("A missing shell is refused when the root is complete")
  func shell() async throws {
    let said = try await said(of: "packages: [passwd]\nusers: { me: { shell: /bin/zsh } }")

    #expect(
      said.contains(
        "layer.yaml:5:23: error: the shell /bin/zsh of the user 'me' does not exist, or is not executable\n"),
      "\(said)")
  }

  @Test("A missing kernel module is refused with its line, in the image or a layer")
  func modules() async throws {
    let said = try await said(of: "kernel: { modules: [virtio_ent, ext4] }", kernel: ", modules: [xsf]")

    #expect(said.contains("layer.yaml:4:21: error: the kernel "), "\(said)")
    #expect(said.contains(" has no module 'virtio_ent'\n"), "\(said)")
    #expect(said.contains("did you mean 'virtio_net'?"), "\(said)")
    #expect(said.contains("cultivar.yaml:8:59: error: the kernel "), "\(said)")
  }

  @Test("A root without an init is refused in plain words")
  func noInit() async throws {
    let said = try await said(of: "packages: [nano]", requires: "")

    #expect(
      said.contains(
        "cultivar.yaml:4:3: error: the system has no init: no package or layer contains /usr/lib/systemd/systemd\n"
      ),
      "\(said)")
    #expect(said.contains("add the layer debian-minimal, or the package systemd-sysv"), "\(said)")
  }

  @Test("An account may have the name of a group of the same layer; a home that no root keeps is not made")
  func group() async throws {
    let said = try await said(
      of: """
        packages: [passwd]
        groups: { gate: { gid: 950 } }
        users: { gate: { system: true, home: /run/gate } }
        steps: { judge: { run: "[ $(id -g gate) = 950 ]; [ ! -e /run/gate ]; getent passwd gate | grep :/run/gate:" } }
        """, status: 0)

    #expect(said == "", "\(said)")
  }
}
