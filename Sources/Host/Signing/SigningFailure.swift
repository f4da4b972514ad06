import HostSystem
import Trust

/// An error in signing or in the generation of keys.
public enum SigningFailure: ExplainedError, Equatable {
  /// The file to create already exists.
  case exists(String)
  /// There is no terminal to ask for a passphrase.
  case noTerminal(String)
  /// The environment variable for the passphrase is not set.
  case noVariable(String)
  /// The passphrase is not acceptable, for this reason.
  case passphrase(String)
  /// The two entered passphrases differ.
  case passphrasesDiffer
  /// The passphrase or PIN does not unlock the key.
  case wrongPassphrase(String)
  /// The key's URI is not acceptable, for this reason.
  case keyURI(String)
  /// OpenSSL's engine for tokens is not installed.
  case noEngine
  /// The token does not have the key.
  case noSuchKey(String)
  /// The key's kind cannot sign statements.
  case unsuitableKey(String, reason: String)
  /// OpenSSL's output is not a signature of the key.
  case notASignature(String)
  /// The file has no suitable certificates, for this reason.
  case certificates(String, reason: String)
  /// The first certificate belongs to another key.
  case certificateOfAnotherKey(String, key: String)
  /// A root cannot be signed with a certificate.
  case certificatesForRoot
  /// A file has a private key, but a public key is expected. The second value is the file with the public key, if it is next to
  /// the first.
  case privateKey(String, publicKey: String?)
  /// A file is not of the expected kind, or not trusted.
  case file(String, TrustFailure)

  public var problem: String {
    switch self {
    case .exists(let path): "\(path) already exists"
    case .noTerminal(let what): "cannot ask for the passphrase of \(what): there is no terminal"
    case .noVariable(let name): "the environment variable \(name) is not set"
    case .passphrase(let reason): "the passphrase is not valid: \(reason)"
    case .passphrasesDiffer: "the two passphrases differ"
    case .wrongPassphrase(let key): "the passphrase or PIN of \(key) is wrong"
    case .keyURI(let reason): "the key's URI is not valid: \(reason)"
    case .noEngine: "OpenSSL cannot use tokens: it has no engine 'pkcs11'"
    case .noSuchKey(let uri): "the token has no private key '\(uri)'"
    case .unsuitableKey(let key, let reason): "\(key) cannot sign: \(reason)"
    case .notASignature(let key): "the signature made with \(key) does not match its public key"
    case .certificates(let path, let reason): "\(path) has no certificates to sign with: \(reason)"
    case .certificateOfAnotherKey(let path, let key): "the first certificate in \(path) does not belong to \(key)"
    case .certificatesForRoot: "a root is signed with keys, not with certificates"
    case .privateKey(let path, _): "\(path) is a private key, but a public key is needed"
    case .file(let path, let failure): "\(path): \(failure.problem)"
    }
  }

  public var remedy: String? {
    switch self {
    case .exists: "files are never overwritten; use another name, or move the file away"
    case .noTerminal:
      "give a file (--passphrase-file) or an environment variable (--passphrase-env) with the passphrase; "
        + "for `cultivar build`, set the variable CULTIVAR_SIGNING_PASSPHRASE"
    case .noVariable: "set and export it, or give another one"
    case .passphrase, .keyURI: nil
    case .passphrasesDiffer: "nothing was written; try again"
    case .wrongPassphrase: "nothing was signed; a token locks itself after a few wrong PINs"
    case .noEngine: "install the Debian package libengine-pkcs11-openssl"
    case .noSuchKey:
      "list the keys with `p11tool --list-keys URL` or `pkcs11-tool --list-objects`; "
        + "PKCS11_MODULE_PATH must be the path of the token's library"
    case .unsuitableKey: "make a suitable key with `cultivar keys generate`"
    case .notASignature: "the token's public and private key may be of different pairs; nothing was written"
    case .certificates: "the file must be PEM: the signer's certificate, then the certificate of each issuer in order"
    case .certificateOfAnotherKey: "put the signer's own certificate first, and use the key that belongs to it"
    case .certificatesForRoot: "sign it with keys of the root, without --certificates"
    case .privateKey(_, let publicKey?): "give \(publicKey) instead"
    case .privateKey:
      "give the file with the public key instead; `cultivar keys generate` writes it beside the private key (NAME.pub)"
    case .file(_, let failure): failure.remedy
    }
  }
}

extension TrustFailure: ExplainedError {}
