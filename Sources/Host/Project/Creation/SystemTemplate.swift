/// The files of a new system.
enum SystemTemplate {
  /// `cultivar.yaml`.
  static func projectFile(name: String) -> String {
    """
    # yaml-language-server: $schema=.cultivar/schema/cultivar.schema.json
    cultivar: 1
    name: \(name)
    version: 0.1.0

    # A Debian. Its root file system is read-only; what programs write to it goes to memory, and is dropped at each restart.
    # What must last belongs below /data, or to the paths that `state: { persist: … }` of a layer names.
    images:
      \(name):
        device: generic-x86_64
        layout: system-ab
        profile: debian-minimal
        # From Cultivar's library (`cultivar layer list`), and this project's own.
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
    # Paths that outlive restarts and updates:
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
    description: Root logs in on the console by itself; remove this layer before a device leaves your desk
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

    A system made by Cultivar: a Debian with a web server on port 80, put together from the layers that `cultivar.yaml` names.

        cultivar check                     # all problems of cultivar.yaml at once
        cultivar build                     # makes the image
        cultivar run --forward 8080:80     # boots it in QEMU: http://127.0.0.1:8080/
        cultivar shell                     # looks around in its root file system

    On the device the root file system is read-only. Programs can write to it, but into memory: after a restart everything is as the image
    has it. Only `/data`, and the paths that layers persist, are kept.

    The first line of `cultivar.yaml` leads editors to a schema, with which they complete and check the file. It is not
    kept in version control; `cultivar schema --output .cultivar/schema` writes it again. `cultivar.lock`, which the first
    build writes, is: it names what the next build takes.

    """
  }
}
