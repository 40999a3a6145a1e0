package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
		c := hub.Config{Dir: p.Dir, Listen: p.Listen, Software: software, Disk: full{dir: p.Dir}}
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
		Creds: &p.Creds, Dir: p.Dir, Software: software, Timing: quick, Prober: &simulated{hold: func(context.Context, *agent.Task) error {
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
			if isFull(p.Dir) || rand.IntN(50) == 0 {
				return syscall.ENOSPC
			}
			return nil
		}},
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// fullMark is a file that makes the disk of a hub or an agent full as long as it is there.
const fullMark = "disk-is-full"

// isFull reports whether the disk with a folder is full.
func isFull(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fullMark))
	return err == nil
}

// full is a disk that is full now and then, and while there is a mark.
type full struct {
	ledger.OS
	dir string
}

// Open implements ledger.Disk.
func (f full) Open(path string, flag int) (ledger.File, error) {
	file, err := f.OS.Open(path, flag)
	return fullFile{file, f.dir}, err
}

type fullFile struct {
	ledger.File
	dir string
}

// Write writes a part when the disk is full.
func (f fullFile) Write(b []byte) (int, error) {
	if !isFull(f.dir) && rand.IntN(20) > 0 {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:rand.IntN(len(b))])
	if err != nil {
		return n, err
	}
	return n, syscall.ENOSPC
}
