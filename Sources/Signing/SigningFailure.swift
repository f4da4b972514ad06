import HostSystem
import Trust

/// Something was not signed, or a key was not made.
public enum SigningFailure: ExplainedError, Equatable {
  /// A file that is to be made is there already.
  case exists(String)
  /// Nobody can be asked for a passphrase.
  case noTerminal(String)
  /// The environment variable for the passphrase is not set.
  case noVariable(String)
  /// A passphrase cannot be taken; why.
  case passphrase(String)
  /// The two passphrases that were typed differ.
  case passphrasesDiffer
  /// The passphrase or PIN does not open the key.
  case wrongPassphrase(String)
  /// A key's URI cannot be taken; why.
  case keyURI(String)
  /// The engine that reaches tokens is not installed.
  case noEngine
  /// There is no such key on the token.
  case noSuchKey(String)
  /// The key is not of a kind that signs statements.
  case unsuitableKey(String, reason: String)
  /// What OpenSSL wrote is not the key's signature.
  case notASignature(String)
  /// A file has no certificates that can be used; why.
  case certificates(String, reason: String)
  /// The first certificate is that of another key.
  case certificateOfAnotherKey(String, key: String)
  /// A root was to be signed with a certificate.
  case certificatesForRoot
  /// A file with a private key was given where a public one is taken; the file with the public one, where that lies beside it.
  case privateKey(String, publicKey: String?)
  /// A file is not what it is taken for, or not to be trusted.
  case file(String, TrustFailure)

  /// What was being done, and what was wrong.
  public var problem: String {
    switch self {
    case .exists(let path): "\(path) is there already"
    case .noTerminal(let what): "there is no terminal to ask on for the passphrase of \(what)"
    case .noVariable(let name): "the environment variable \(name) is not set"
    case .passphrase(let reason): "the passphrase cannot be taken: \(reason)"
    case .passphrasesDiffer: "the two passphrases differ"
    case .wrongPassphrase(let key): "this is not the passphrase or PIN of \(key)"
    case .keyURI(let reason): "the key's URI cannot be taken: \(reason)"
    case .noEngine: "OpenSSL cannot reach tokens: it has no engine “pkcs11”"
    case .noSuchKey(let uri): "the token has no private key that is \(uri)"
    case .unsuitableKey(let key, let reason): "\(key) cannot sign: \(reason)"
    case .notASignature(let key): "what was signed with \(key) is not that key's signature"
    case .certificates(let path, let reason): "\(path) has no certificates to sign with: \(reason)"
    case .certificateOfAnotherKey(let path, let key): "the first certificate in \(path) is not that of \(key)"
    case .certificatesForRoot: "a root is signed by keys, never with certificates"
    case .privateKey(let path, _): "\(path) is a private key, and the public key is taken here"
    case .file(let path, let failure): "\(path): \(failure.problem)"
    }
  }

  /// What the user can do now.
  public var remedy: String? {
    switch self {
    case .exists: "keys are never overwritten; take another name, or move the file away"
    case .noTerminal:
      "name a file (--passphrase-file) or an environment variable (--passphrase-env) that has it; `cultivar build` takes it "
        + "from the variable CULTIVAR_SIGNING_PASSPHRASE"
    case .noVariable: "set and export it, or name another one"
    case .passphrase, .keyURI: nil
    case .passphrasesDiffer: "nothing was made; try once more"
    case .wrongPassphrase: "nothing was signed; mind that a token locks itself after a few wrong PINs"
    case .noEngine: "install the Debian package libengine-pkcs11-openssl"
    case .noSuchKey:
      "`p11tool --list-keys URL` or `pkcs11-tool --list-objects` shows what there is; PKCS11_MODULE_PATH names the token's library"
    case .unsuitableKey: "`cultivar keys generate` makes a key that can"
    case .notASignature: "the token's public and private key may be of different pairs; nothing was written"
    case .certificates: "it has to be PEM: the signer's certificate, then each one that issued the one before"
    case .certificateOfAnotherKey: "the signer's own certificate comes first; take the key that belongs to it"
    case .certificatesForRoot: "sign it with keys of the root, without --certificates"
    case .privateKey(_, let publicKey?): "give \(publicKey) in its place"
    case .privateKey:
      "give the file with the public key in its place, which `cultivar keys generate` has written beside it (NAME.pub)"
    case .file(_, let failure): failure.remedy
    }
  }
}

extension TrustFailure: ExplainedError {}
