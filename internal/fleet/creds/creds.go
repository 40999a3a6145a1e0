// Package creds makes and keeps the identities of a fleet. An agent or a submitter proves itself by
// the signature of an NKey (Ed25519); the hub proves itself by a TLS certificate of its own
// authority. So each side knows the other, and no password exists.
package creds

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Role is what an identity may do.
type Role string

// The roles.
const (
	Agent     Role = "agent"
	Submitter Role = "submitter"
)

// Identity is an agent or a submitter, as the hub keeps it.
type Identity struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Key      string    `json:"key"` // public
	Location string    `json:"location,omitempty"`
	AS       string    `json:"as,omitempty"`
	Added    time.Time `json:"added"`
}

// File is the one file that an agent or a submitter has. It is secret.
type File struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	Hub  string `json:"hub,omitempty"` // URL
	Seed string `json:"seed"`
	CA   string `json:"ca"` // certificate of the hub's authority, PEM
	// Cluster is set if Hub is an existing NATS cluster. CA is then that of the cluster, "" for the
	// authorities that the machine trusts.
	Cluster bool `json:"cluster,omitempty"`
}

// secret is the mode of files with secrets.
const secret = 0o600

// Roster is the folder with the identities of a hub.
type Roster string

// Errors that callers distinguish.
var (
	ErrKnown   = errors.New("the name is in use: revoke it first")
	ErrUnknown = errors.New("no such name")
)

// NewKey makes an NKey of a user.
func NewKey() (seed []byte, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", err
	}
	if seed, err = pair.Seed(); err != nil {
		return nil, "", err
	}
	public, err = pair.PublicKey()
	return seed, public, err
}

// Add makes an identity, and returns its file. The hub must trust ca.
func (r Roster) Add(id Identity, hub string, ca []byte) (*File, error) {
	if err := job.CheckName(id.Name); err != nil {
		return nil, err
	}
	seed, public, err := NewKey()
	if err != nil {
		return nil, err
	}
	id.Key = public
	text, err := json.MarshalIndent(&id, "", "\t")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(string(r), 0o700); err != nil {
		return nil, err
	}
	err = outfile.WriteNew(r.path(id.Name), secret, append(text, '\n'))
	if _, ok := errors.AsType[*outfile.ExistsError](err); ok {
		return nil, fmt.Errorf("%s: %w", id.Name, ErrKnown)
	}
	if err != nil {
		return nil, err
	}
	return &File{Name: id.Name, Role: id.Role, Hub: hub, Seed: string(seed), CA: string(ca)}, nil
}

// Revoke removes an identity. A running hub closes its connections.
func (r Roster) Revoke(name string) error {
	if err := job.CheckName(name); err != nil {
		return err
	}
	err := outfile.Remove(r.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	return err
}

// List returns all identities, by name.
func (r Roster) List() ([]Identity, error) {
	files, err := os.ReadDir(string(r))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []Identity
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ending) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(string(r), f.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // revoked meanwhile
		}
		if err != nil {
			return nil, err
		}
		var id Identity
		if err := json.Unmarshal(text, &id); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		list = append(list, id)
	}
	slices.SortFunc(list, func(a, b Identity) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

const ending = ".json"

func (r Roster) path(name string) string { return filepath.Join(string(r), name+ending) }

// Text returns the content of a file.
func (f *File) Text() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "\t")
	return append(text, '\n'), err
}

// ReadSecret reads a file that nobody else can read, and refuses another.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others can read this secret file: chmod 600 it", path)
	}
	return os.ReadFile(path)
}

// CheckURL refuses the URL of a cluster on another machine without TLS: messages have keys.
func CheckURL(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		ip := net.ParseIP(u.Hostname())
		switch {
		case u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "wss" || u.Hostname() == "":
			return fmt.Errorf("%q is no URL of NATS, such as tls://nats.example.net:4222", one)
		case u.User != nil:
			return errors.New("the URL of a cluster has a secret: put it in a file")
		case u.Scheme == "nats" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()):
			return fmt.Errorf("%s has no TLS, and the messages have keys: use tls://", one)
		}
	}
	return nil
}

// Load reads the file of an agent or a submitter. It refuses a file that others can read.
func Load(path string) (*File, error) {
	text, err := ReadSecret(path)
	if err != nil {
		return nil, err
	}
	var f File
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s is no credentials file: %w", path, err)
	}
	if _, err := nkeys.FromSeed([]byte(f.Seed)); err != nil || job.CheckName(f.Name) != nil {
		return nil, fmt.Errorf("%s is no credentials file: its key is damaged", path)
	}
	return &f, nil
}
