package broker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Cluster is an existing NATS cluster with JetStream.
type Cluster struct {
	URL string
	// Creds is the file with the credentials of the hub on the cluster: a user file of NATS, or the
	// seed of an NKey. If it is empty, the hub makes a key in its folder.
	Creds string
	// System is a file with the credentials of a user of the system account, in the same forms. With them,
	// the hub reloads all servers when its names change. If it is empty, the owner of the cluster must.
	System string
	// CA is a file with the certificate authority of the cluster, "" for those of this machine.
	CA string
}

// Files in the folder of the hub.
const (
	keyFile = "hub.nk"
	// UsersFile has the public keys and permissions of all names, as the configuration of a NATS
	// server includes them.
	UsersFile = "nats-users.conf"
)

// openCluster connects to the cluster, and to its system account if there are credentials.
func (b *Broker) openCluster() (nc *nats.Conn, err error) {
	if b.cfg.Cluster.System != "" {
		if b.system, err = openSystem(b.cfg); err != nil {
			return nil, err
		}
	}
	return b.dialCluster()
}

// admitToCluster writes the names for the servers of the cluster, and reloads these if it can.
func (b *Broker) admitToCluster(list []creds.Identity) error {
	path := filepath.Join(b.cfg.Dir, UsersFile)
	before, _ := os.ReadFile(path) // for the news alone
	if err := WriteUsers(b.cfg.Dir, list); err != nil {
		return err
	}
	after, _ := os.ReadFile(path)
	switch {
	case b.system != nil:
		b.system.changed()
	case !bytes.Equal(before, after):
		b.cfg.Event("the names in " + UsersFile + " have changed: reload each server of the cluster")
	}
	return nil
}

// dialCluster connects to the cluster, for ever: a cluster that is away comes back.
func (b *Broker) dialCluster() (*nats.Conn, error) {
	c := b.cfg.Cluster
	if err := creds.CheckURL(c.URL); err != nil {
		return nil, err
	}
	proof, err := b.proof()
	if err != nil {
		return nil, err
	}
	// The configuration of the cluster may include the file before the hub has names.
	if _, err := os.Stat(filepath.Join(b.cfg.Dir, UsersFile)); errors.Is(err, fs.ErrNotExist) {
		if err := WriteUsers(b.cfg.Dir, nil); err != nil {
			return nil, err
		}
	}
	options := []nats.Option{
		proof, nats.Name("masstrace hub"), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.Timeout(startPatience),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.cfg.Event("connected to the cluster again")
			b.cfg.Up()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.cfg.Event("no connection to the cluster: " + err.Error())
			}
		}),
	}
	secure, err := c.secure()
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(c.URL, append(options, secure...)...)
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrNkeysNotSupported) {
		return nil, fmt.Errorf("the cluster at %s does not know the key of the hub: include %s in its configuration, or give the hub credentials",
			c.URL, filepath.Join(b.cfg.Dir, UsersFile))
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster at %s: %w", c.URL, err)
	}
	return conn, nil
}

// secure returns the options of an encrypted connection; none on loopback.
func (c *Cluster) secure() ([]nats.Option, error) {
	if strings.HasPrefix(c.URL, "nats://") {
		return nil, nil
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", c.CA)
		}
	}
	return []nats.Option{nats.Secure(secure)}, nil
}

// readProof reads a file with a user of NATS, or the seed of an NKey.
func readProof(path string) (nats.Option, error) {
	text, err := creds.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(text, []byte("USER JWT")) {
		return nats.UserCredentialBytes(text), nil
	}
	return sign(path, text)
}

// proof is how the hub proves itself to the cluster.
func (b *Broker) proof() (nats.Option, error) {
	if path := b.cfg.Cluster.Creds; path != "" {
		return readProof(path)
	}
	path := filepath.Join(b.cfg.Dir, keyFile)
	text, err := ownKey(path)
	if err != nil {
		return nil, err
	}
	return sign(path, text)
}

// ownKey reads the key that the hub has made for itself, or makes it.
func ownKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	seed, _, err := creds.NewKey()
	if err != nil {
		return nil, err
	}
	return seed, outfile.WriteNew(path, 0o600, append(bytes.Clone(seed), '\n'))
}

// sign proves the possession of a seed.
func sign(path string, seed []byte) (nats.Option, error) {
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		return nil, fmt.Errorf("%s has no credentials of NATS: %w", path, err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	return nats.Nkey(public, pair.Sign), nil
}

// WriteUsers writes the users of the hub in a folder for a cluster. A server reads it when it is told
// to reload its configuration.
func WriteUsers(dir string, list []creds.Identity) error {
	seed, err := ownKey(filepath.Join(dir, keyFile))
	if err != nil {
		return err
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", keyFile, err)
	}
	own, err := pair.PublicKey()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	text.WriteString("# Written by masstrace hub at each change of its names. Public keys and permissions, no secrets.\nusers = [\n")
	fmt.Fprintf(&text, "  { nkey: %s } # the hub\n", own)
	for _, id := range list {
		publish, subscribe := allowed(id)
		fmt.Fprintf(&text, "  { nkey: %s, permissions: { publish: { allow: %s }, subscribe: { allow: %s } } } # %s\n",
			id.Key, quoted(publish), quoted(subscribe), id.Name)
	}
	text.WriteString("]\n")
	return outfile.Replace(filepath.Join(dir, UsersFile), 0o600, text.Bytes())
}

func quoted(list []string) string { return `["` + strings.Join(list, `", "`) + `"]` }
