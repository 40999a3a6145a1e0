package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/objects"
)

// roleVariable makes this program a hub or an agent that a test can kill. Its value is a process
// as JSON.
const roleVariable = "MASSTRACE_TEST_FLEET"

// process is what a child process is.
type process struct {
	Hub, Agent  bool
	Dir, Listen string
	// Objects is a URL with a file of credentials, "" for results in Dir.
	Objects, Credentials string
	Creds                creds.File
}

func TestMain(m *testing.M) {
	text := os.Getenv(roleVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var p process
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	var err error
	if p.Hub {
		c := hub.Config{Dir: p.Dir, Listen: p.Listen, Software: software, Disk: full{}}
		if p.Objects != "" {
			if c.Results, err = objects.New(objects.Config{URL: p.Objects, Credentials: p.Credentials, Patience: 3 * time.Second}); err != nil {
				panic(err)
			}
		}
		var h *hub.Hub
		for { // the port of a killed hub may be in use for a moment
			if h, err = hub.Open(c); err == nil {
				break
			}
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(20 * time.Millisecond)
		}
		_ = h
		select {}
	}
	err = agent.Run(context.Background(), agent.Config{
		Creds: &p.Creds, Dir: p.Dir, Software: software, Prober: &simulated{hold: func(context.Context, *agent.Task) error {
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
			if rand.IntN(50) == 0 {
				return syscall.ENOSPC
			}
			return nil
		}},
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// full is a disk that is full now and then.
type full struct{ ledger.OS }

// Open implements ledger.Disk.
func (f full) Open(path string, flag int) (ledger.File, error) {
	file, err := f.OS.Open(path, flag)
	return fullFile{file}, err
}

type fullFile struct{ ledger.File }

// Write writes a part when the disk is full.
func (f fullFile) Write(b []byte) (int, error) {
	if rand.IntN(20) > 0 {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:rand.IntN(len(b))])
	if err != nil {
		return n, err
	}
	return n, syscall.ENOSPC
}
