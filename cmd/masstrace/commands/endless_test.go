package commands

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// pour starts masstrace with a pipe as its standard input, into which head flows, and then line
// without an end. It waits until masstrace has read much of that, in octets.
func pour(t *testing.T, much int, head, line string, args ...string) *process {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0], cmd.Stdin = program, in
	p := startCmd(t, cmd)
	in.Close()
	block, read, ended := []byte(strings.Repeat(line+"\n", 1<<12)), make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		defer out.Close()
		_, err := out.WriteString(head)
		for n := 0; err == nil; n += len(block) { // until masstrace has ended
			if _, err = out.Write(block); n < much && n+len(block) >= much {
				close(read)
			}
		}
	}()
	select {
	case <-read:
	case <-ended:
		t.Fatal("masstrace ended: " + p.said())
	}
	return p
}

// A signal ends every command while it reads an input without an end, or the captures of a folder.
// The command ends by itself: the process need not be left. In a normal run, every other command gets
// the other signal.
func TestSignalEndless(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	log := emptyLog(t)
	poured := func(head, line string, args ...string) func(*testing.T) *process {
		return func(t *testing.T) *process { return pour(t, 4<<20, head, line, args...) }
	}
	zeros := strings.Repeat("\x00", 15) // with the end of line, an empty frame
	head := headRecords + "\n"
	commands := map[string]func(*testing.T) *process{
		"scan":            poured("", "45.16.0.9", "scan", "-"),
		"scan, prefixes":  poured("", "45.16.0.8/30\n45.17.0.0/30", "scan", "-"),
		"scan, comments":  poured("", "# none", "scan", "-"),
		"exclusions":      poured("", "45.16.0.9", "scan", "45.16.0.0/16", "--exclude", "-"),
		"dry run":         poured("", "45.16.0.9", "scan", "--dry-run", "-"),
		"probes":          poured("", "# none", "scan", "--probes", "-"),
		"dry run, probes": poured("", "45.16.0.9,40000,33434,3,udp", "scan", "--dry-run", "--probes", "-"),
		"verify":          poured(head, traceRecord, "verify", "-", "--log", log),
		"verify, targets": poured("", "45.16.0.9", "verify", "/dev/null", "--log", log, "--targets", "-"),
		"convert":         poured(head, traceRecord, "convert", "-", os.DevNull),
		"show":            poured(head, laterRecord, "show", "-"),
		"replay":          poured(pcapHead(), zeros, "replay", "-"),
		"replay of a folder": func(t *testing.T) *process {
			path := bomb(t, "a.pcap.gz", pcapHead(), strings.Repeat("\x00", 1<<20), "", 1<<30)
			for _, name := range []string{"b.pcap.gz", "c.pcap.gz"} {
				if err := os.Link(path, filepath.Join(filepath.Dir(path), name)); err != nil {
					t.Fatal(err)
				}
			}
			p := start(t, nil, "replay", filepath.Dir(path))
			p.reading(path)
			return p
		},
	}
	for i, name := range slices.Sorted(maps.Keys(commands)) {
		begin := commands[name]
		for j, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			if i%2 != j && !effort.Soaking() {
				continue
			}
			t.Run(fmt.Sprint(name, " ", signal), func(t *testing.T) {
				t.Parallel()
				p := begin(t)
				p.hit(signal)
				p.end(4)
				if text := p.said(); !strings.HasPrefix(text, "masstrace: interrupted") || strings.Count(text, "\n") != 1 {
					t.Errorf("stderr is %q, want one line", text)
				}
			})
		}
	}
}

// A signal ends a trace of an endless list of hosts, with the status of the signal. The hosts are
// traced, or refused with a message each, or there are none.
func TestSignalEndlessTrace(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	for _, line := range []string{"45.16.0.9", "45.16.0.0/24", "# none"} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprint(line, " ", signal), func(t *testing.T) {
				t.Parallel()
				p := pour(t, 64<<10, "", line, "trace", "-n", "-")
				if strings.Contains(line, "/") {
					<-p.lines // the first host is refused
				}
				go func() {
					for range p.lines { // so that the messages do not wait for a reader
					}
				}()
				p.hit(signal)
				status := 128 + int(signal)
				if strings.Contains(line, "/") {
					status = statusUsage // of the hosts that were refused
				}
				p.end(status)
				if strings.Contains(p.said(), "killed") {
					t.Error(p.said())
				}
			})
		}
	}
}
