// TLS of the server and of the client, from PEM files.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// tlsFiles are names of PEM files; an empty one was not given.
type tlsFiles struct{ certificate, key, roots string }

// addTLSFiles adds the flags for a certificate and its key, and a flag of this name for the trusted roots.
func addTLSFiles(flags *flag.FlagSet, roots string) *tlsFiles {
	files := new(tlsFiles)
	flags.StringVar(&files.certificate, "tls-cert", "", "PEM file: certificate, then its issuers")
	flags.StringVar(&files.key, "tls-key", "", "PEM file: key of --tls-cert")
	flags.StringVar(&files.roots, roots, "", "PEM file: roots of the other side's certificates")
	return files
}

// ofServer returns credentials without TLS if no certificate was given. With roots each client needs a certificate.
func (files *tlsFiles) ofServer() (credentials.TransportCredentials, error) {
	if files.certificate == "" {
		return insecure.NewCredentials(), nil
	}
	config, roots, err := files.read()
	if err != nil {
		return nil, err
	}
	if roots != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, roots
	}
	return credentials.NewTLS(config), nil
}

// ofClient returns credentials without TLS if no roots were given.
func (files *tlsFiles) ofClient() (credentials.TransportCredentials, error) {
	if files.roots == "" {
		return insecure.NewCredentials(), nil
	}
	config, roots, err := files.read()
	if err != nil {
		return nil, err
	}
	config.RootCAs = roots
	return credentials.NewTLS(config), nil
}

func (files *tlsFiles) read() (*tls.Config, *x509.CertPool, error) {
	config := new(tls.Config)
	if files.certificate != "" {
		certificate, err := tls.LoadX509KeyPair(files.certificate, files.key)
		if err != nil {
			return nil, nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if files.roots == "" {
		return config, nil, nil
	}
	content, err := os.ReadFile(files.roots)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, nil, fmt.Errorf("no certificate in %s", files.roots)
	}
	return config, roots, nil
}
