/// The files of a new system.
enum SystemTemplate {
  /// `cultivar.yaml`.
  static func projectFile(name: String) -> String {
    """
    # yaml-language-server: $schema=.cultivar/schema/cultivar.schema.json
    cultivar: 1
    name: \(name)
    version: 0.1.0

    # A Debian system. Its root file system is read-only: changes to it are in memory, and are lost at the next reboot.
    # Store data that must survive in /data, or in paths that a layer lists under `state: { persist: … }`.
    images:
      \(name):
        device: generic-x86_64
        layout: system-ab
        profile: debian-minimal
        # Layers of Cultivar's library (`cultivar layer list`) and of this project.
        layers: [networkd, nginx, ./layers/site, ./layers/development]

    """
  }

  /// `layers/site/layer.yaml`.
  static let siteLayer = """
    cultivar: 1
    description: A page for the web server
    requires: [nginx]
    files:
      - { path: /srv/www/index.html, source: index.html }
    # Paths that survive reboots and updates:
    # state:
    #   persist: [/var/lib/site]

    """

  /// `layers/site/index.html`.
  static func page(name: String) -> String {
    """
    <!doctype html>
    <title>\(name)</title>
    <h1>Hello from \(name)</h1>

    """
  }

  /// `layers/development/layer.yaml`.
  static let developmentLayer = """
    cultivar: 1
    description: Logs root in on the console without a password. For development only
    packages: [login]
    files:
      - path: /etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf
        content: |
          [Service]
          ExecStart=
          ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM

    """

  /// `README.md`.
  static func readme(name: String) -> String {
    """
    # \(name)

    A system made by Cultivar: Debian with a web server on port 80, made of the layers in `cultivar.yaml`.

        cultivar check                     # all problems of cultivar.yaml at once
        cultivar build                     # makes the image
        cultivar run --forward 8080:80     # boots it in QEMU: http://127.0.0.1:8080/
        cultivar shell                     # opens a shell in its root file system

    On the device, the root file system is read-only. Programs can write to it, but the changes are in memory and are
    lost at the next reboot. Only `/data` and the paths that layers persist are kept.

    The first line of `cultivar.yaml` names a schema, which editors use to complete and check the file. The schema is
    not in version control; `cultivar schema --output .cultivar/schema` writes it again. The first build writes
    `cultivar.lock`, which pins the inputs of the next build. Keep it in version control.

    """
  }
}
