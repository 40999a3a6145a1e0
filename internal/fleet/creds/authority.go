package creds

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/outfile"
)

// Authority is the certificate authority of a hub. It signs one certificate: that of the hub.
type Authority struct {
	PEM  []byte // certificate, for the files of agents
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// serverName is the name in the certificate of every hub. An agent trusts the authority of its own
// hub alone, so the address at which it reaches the hub does not matter.
const serverName = "masstrace-hub"

// Life of certificates. Clocks of agents may be wrong.
const (
	validBefore = 10 * 365 * 24 * time.Hour
	validAfter  = 30 * 365 * 24 * time.Hour
)

// OpenAuthority reads the authority in a folder, or makes it.
func OpenAuthority(dir string) (*Authority, error) {
	path := filepath.Join(dir, "authority.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = newAuthority(); err == nil {
			err = errors.Join(os.MkdirAll(dir, 0o700), outfile.WriteNew(path, secret, text))
		}
	}
	if err != nil {
		return nil, err
	}
	a, err := parseAuthority(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// parseAuthority reads a certificate and its key.
func parseAuthority(text []byte) (*Authority, error) {
	first, rest := pem.Decode(text)
	second, _ := pem.Decode(rest)
	if first == nil || second == nil {
		return nil, errors.New("no certificate and key")
	}
	cert, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(second.Bytes)
	if err != nil {
		return nil, err
	}
	return &Authority{PEM: pem.EncodeToMemory(first), cert: cert, key: key}, nil
}

// newAuthority returns a new certificate and its key, as PEM.
func newAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	about := template("masstrace hub authority")
	about.IsCA, about.BasicConstraintsValid, about.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})...), nil
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-validBefore), NotAfter: now.Add(validAfter),
	}
}

// Server returns the TLS configuration of the hub, with a certificate for this start.
func (a *Authority) Server() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	about := template(serverName)
	about.DNSNames = []string{serverName}
	about.KeyUsage, about.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, about, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13,
	}, nil
}

// Client returns the TLS configuration of an agent or a submitter: it trusts its own hub, or
// its own cluster, alone.
func (f *File) Client() (*tls.Config, error) {
	if f.Cluster && f.CA == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(f.CA)) {
		return nil, errors.New("the credentials file has no certificate of the hub")
	}
	if f.Cluster { // its certificate has the name of its URL
		return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
	}
	return &tls.Config{RootCAs: pool, ServerName: serverName, MinVersion: tls.VersionTLS13}, nil
}
