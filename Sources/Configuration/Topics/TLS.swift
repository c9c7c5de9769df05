// TLS.swift — certificates and what is demanded of the other side.

/// Encrypted connections. Each field is described by its line in the table below.
package struct TLSSettings: Sendable, Equatable {
  package var port = 0
  package var certificateFile = ""
  package var keyFile = ""
  package var keyPassword = ""
  package var clientCertificateFile = ""
  package var clientKeyFile = ""
  package var clientKeyPassword = ""
  package var dhParametersFile = ""
  package var authorityFile = ""
  package var authorityDirectory = ""
  package var clientAuthentication = ClientAuthentication.yes
  package var clientUser = ClientUser.off
  package var replication = false
  package var cluster = false
  package var protocols = ""
  package var ciphers = ""
  package var cipherSuites = ""
  package var prefersServerCiphers = false
  package var sessionCaching = true
  package var sessionCacheSize = 0
  package var sessionCacheSeconds = 0
  package var reloadSeconds = 0
}

/// Whether clients must show a certificate.
package enum ClientAuthentication: String, CaseIterable, Sendable { case no, yes, optional }

/// Which part of a client's certificate names its user.
package enum ClientUser: String, CaseIterable, Sendable {
  case commonName = "CN"
  case uri = "URI"
  case off
}

extension Directive {
  static let tls: [Directive] = [
    .integer("tls-port", \.tls.port, .port, default: 0, "Port for TLS connections; 0 is none."),
    .text("tls-cert-file", \.tls.certificateFile, accepts: "path", "The server's certificate, in PEM."),
    .text("tls-key-file", \.tls.keyFile, accepts: "path", "The certificate's private key, in PEM."),
    .text("tls-key-file-pass", \.tls.keyPassword, accepts: "password", "Password of the private key.").sensitive(),
    .text(
      "tls-client-cert-file", \.tls.clientCertificateFile, accepts: "path",
      "Certificate for the connections that the server itself opens; empty takes the server's."),
    .text("tls-client-key-file", \.tls.clientKeyFile, accepts: "path", "Private key of that certificate."),
    .text("tls-client-key-file-pass", \.tls.clientKeyPassword, accepts: "password", "Password of that key.")
      .sensitive(),
    .text("tls-dh-params-file", \.tls.dhParametersFile, accepts: "path", "Diffie-Hellman parameters for old clients."),
    .text(
      "tls-ca-cert-file", \.tls.authorityFile, accepts: "path", "Certificates of the authorities that are trusted."),
    .text("tls-ca-cert-dir", \.tls.authorityDirectory, accepts: "path", "Directory with such certificates."),
    .choice(
      "tls-auth-clients", \.tls.clientAuthentication, default: .yes, "Whether clients must show a certificate."),
    .choice(
      "tls-auth-clients-user", \.tls.clientUser, default: .off,
      "Field of a client's certificate that logs it in as the user of that name."),
    .flag("tls-replication", \.tls.replication, default: false, "Encrypts the connection to the primary."),
    .flag("tls-cluster", \.tls.cluster, default: false, "Encrypts the cluster bus."),
    .text(
      "tls-protocols", \.tls.protocols, accepts: "protocol versions", "Versions that are allowed, such as TLSv1.3."),
    .text("tls-ciphers", \.tls.ciphers, accepts: "cipher list", "Ciphers up to TLS 1.2, in the form of OpenSSL."),
    .text("tls-ciphersuites", \.tls.cipherSuites, accepts: "cipher suites", "Cipher suites of TLS 1.3."),
    .flag(
      "tls-prefer-server-ciphers", \.tls.prefersServerCiphers, default: false,
      "Takes the server's order of ciphers rather than the client's."),
    .flag("tls-session-caching", \.tls.sessionCaching, default: true, "Lets clients resume sessions."),
    .integer(
      "tls-session-cache-size", \.tls.sessionCacheSize, .nonNegative32, default: 20480,
      "Sessions that are remembered; 0 is no limit."),
    .integer(
      "tls-session-cache-timeout", \.tls.sessionCacheSeconds, .nonNegative32, default: 300,
      "Seconds for which a session can be resumed."),
    .integer(
      "tls-auto-reload-interval", \.tls.reloadSeconds, .nonNegative32, default: 0,
      "Seconds between looks for renewed certificates; 0 never looks."),
  ].later(.tls)
}
