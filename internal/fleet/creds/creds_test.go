package creds

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestRoster(t *testing.T) {
	r := Roster(filepath.Join(t.TempDir(), "people"))
	if list, err := r.List(); err != nil || len(list) != 0 {
		t.Errorf("List = %v, %v", list, err)
	}
	file, err := r.Add(Identity{Name: "paris", Role: Agent}, "tls://hub:4222", []byte("ca"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(Identity{Name: "paris", Role: Submitter}, "", nil); !errors.Is(err, ErrKnown) {
		t.Errorf("the same name again: %v", err)
	}
	if _, err := r.Add(Identity{Name: "../x"}, "", nil); err == nil {
		t.Error("took a path as a name")
	}
	list, err := r.List()
	if err != nil || len(list) != 1 || list[0].Name != "paris" || list[0].Key == "" {
		t.Errorf("List = %+v, %v", list, err)
	}
	path := filepath.Join(t.TempDir(), "creds")
	text, err := file.Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("loaded a secret that others can read")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if back, err := Load(path); err != nil || *back != *file {
		t.Errorf("Load = %+v, %v", back, err)
	}
	if err := os.WriteFile(path, []byte(`{"name":"paris","seed":"SU"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("loaded a damaged key")
	}
	if err := r.Revoke("paris"); err != nil {
		t.Error(err)
	}
	if err := r.Revoke("paris"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked twice: %v", err)
	}
}

// An agent trusts its own hub, and no other.
func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	ours, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir)
	if err != nil || string(again.PEM) != string(ours.PEM) {
		t.Fatalf("the authority did not stay: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "authority.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	other, err := OpenAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		hub  *Authority
		want bool
	}{{"our hub", again, true}, {"another hub", other, false}} {
		server, err := tt.hub.Server()
		if err != nil {
			t.Fatal(err)
		}
		client, err := (&File{CA: string(ours.PEM)}).Client()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			far, err := l.Accept()
			if err != nil {
				return
			}
			_ = tls.Server(far, server).Handshake()
			far.Close()
		}()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(near, client).Handshake()
		if (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
		near.Close()
		<-ended
		l.Close()
	}
	if _, err := (&File{}).Client(); err == nil {
		t.Error("a file without a certificate is no reason for trust")
	}
	if err := os.WriteFile(filepath.Join(dir, "authority.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir); err == nil {
		t.Error("opened a damaged authority")
	}
}
