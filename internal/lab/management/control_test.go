package management

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server carries out the requests of clients, and returns its errors.
func TestControl(t *testing.T) {
	state := t.TempDir()
	n := &Network{cables: map[string]*cable{"vp1": {}, "vp2": {}}}
	if err := n.listen(socketOf(state)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		request Request
		err     string
		cut     [2]bool
		delay   [2]time.Duration
	}{
		{request: Request{Do: Delay, Name: "vp1", Delay: time.Second}, delay: [2]time.Duration{time.Second, 0}},
		{request: Request{Do: Cut, Name: All}, cut: [2]bool{true, true}, delay: [2]time.Duration{time.Second, 0}},
		{request: Request{Do: Restore, Name: "vp1"}, cut: [2]bool{false, true}},
		{request: Request{Do: Cut, Name: "vp3"}, err: `the lab has no vantage point "vp3"`, cut: [2]bool{false, true}},
		{request: Request{Do: Delay, Name: "vp1", Delay: -1}, err: "no command is called", cut: [2]bool{false, true}},
		{request: Request{Do: "", Name: "vp1"}, err: "no command is called", cut: [2]bool{false, true}},
		{request: Request{Do: Restore, Name: All}},
	} {
		err := Send(state, tt.request)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: %v, want %q", tt.request, err, tt.err)
		}
		for i, name := range []string{"vp1", "vp2"} {
			c := n.cables[name]
			if c.cut.Load() != tt.cut[i] || time.Duration(c.delay.Load()) != tt.delay[i] {
				t.Errorf("%+v: %s is cut %v, delayed %v", tt.request, name, c.cut.Load(), time.Duration(c.delay.Load()))
			}
		}
	}
}

// The socket of a lab that has ended is no lab, and is removed. Another file of its name stays.
func TestNoLab(t *testing.T) {
	state := t.TempDir()
	if err := Send(state, Request{Do: Cut, Name: All}); !errors.Is(err, ErrNoLab) {
		t.Errorf("without a socket: %v", err)
	}
	l, err := net.Listen("unix", socketOf(state))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := Send(state, Request{Do: Cut, Name: All}); !errors.Is(err, ErrNoLab) {
		t.Errorf("with an old socket: %v", err)
	}
	if err := Clean(state); err != nil {
		t.Error(err)
	}
	path := filepath.Join(state, socketName)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Clean(state); err == nil {
		t.Error("another file is removed")
	}
}
