package commands

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/netsim"
)

// twice are the two signals that a terminal, timeout(1) or a service manager may send at
// once.
var twice = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}

// hit sends signals right after each other.
func (p *process) hit(signals ...syscall.Signal) {
	p.t.Helper()
	p.signal(signals[0])
	for _, s := range signals[1:] {
		_ = p.cmd.Process.Signal(s) // it fails when the process has ended
	}
}

// pipeIn starts masstrace with a pipe as its standard input, writes text there and waits
// until masstrace has read it. The pipe stays open.
func pipeIn(t *testing.T, text string, args ...string) *process {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() }) // which no test waits for
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0], cmd.Stdin = program, in
	p := startCmd(t, cmd)
	in.Close()
	if _, err := out.WriteString(text); err != nil {
		t.Fatal(err)
	}
	poll(t, "standard input to be read", func() bool {
		left, err := unix.IoctlGetInt(int(out.Fd()), unix.TIOCINQ) // FIONREAD
		return err == nil && left == 0
	})
	return p
}

// fifo makes a FIFO.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opening waits until a thread of p is held up in open(2).
func (p *process) opening() {
	p.t.Helper()
	poll(p.t, "open(2)", func() bool {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p.cmd.Process.Pid))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, path := range tasks {
			text, _ := os.ReadFile(path) // the thread may have ended
			if call, _, _ := strings.Cut(string(text), " "); call == strconv.Itoa(unix.SYS_OPENAT) {
				return true
			}
		}
		return false
	})
}

// reading waits until p has read from the file at path.
func (p *process) reading(path string) {
	p.t.Helper()
	files := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	poll(p.t, path+" to be read", func() bool {
		entries, _ := os.ReadDir(files)
		for _, e := range entries {
			if to, err := os.Readlink(filepath.Join(files, e.Name())); err != nil || to != path {
				continue
			}
			info, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", p.cmd.Process.Pid, e.Name()))
			return len(info) > 0 && !strings.HasPrefix(string(info), "pos:\t0\n")
		}
		return false
	})
}

// endless writes a compressed file that takes minutes to read: head, and then line over and
// over.
func endless(t *testing.T, head, line string) (path string) {
	t.Helper()
	var block bytes.Buffer
	z := gzip.NewWriter(&block)
	for range 1 << 15 {
		fmt.Fprintln(z, line)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "endless.ndjson.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z = gzip.NewWriter(f)
	fmt.Fprintln(z, head)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for range 5000 { // members of a gzip file follow each other
		if _, err := f.Write(block.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// The records that begin a file, and one that may be there any number of times.
const (
	headRecords = `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp"}
{"type":"run","schema":"1","run":"r","tool":"masstrace/0","argv":[],"seed":"s","key_id":"k","ttl":[1,32],"flows":1,"attempts":1,"shard":[0,1]}`
	traceRecord = `{"type":"trace","method":"udp-paris","src":"192.0.2.2","dst":"45.16.0.9","sport":40000,"dport":33434,"stop_reason":"HOPLIMIT","hop_count":0,"hops":[]}`
)

// laterRecord is of a type that no version has, which readers pass over.
const laterRecord = `{"type":"later","dst":"45.16.0.9","hops":[]}`

// emptyLog writes the log of a network without a probe.
func emptyLog(t *testing.T) (path string) {
	t.Helper()
	var b bytes.Buffer
	l, err := netsim.NewLogWriter(&b, netsim.Default())
	if err == nil {
		err = l.Flush()
	}
	path = filepath.Join(t.TempDir(), "log")
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// pcapHead is the begin of a capture.
func pcapHead() string {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint32(b, 4<<16|2) // version 2.4
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, 1<<16)        // snap length
	return string(binary.LittleEndian.AppendUint32(b, 1)) // Ethernet
}

// A signal ends every command in every phase before a run has begun, with status 4 and one
// line. This includes commands that wait for input, and commands that the system blocks. One handler
// takes the signals in all phases, so the phases take turns with them in a normal run.
func TestSignalPhases(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	held := func(args ...string) func(*testing.T) *process { // in open(2)
		return func(t *testing.T) *process {
			path, named := fifo(t), slices.Clone(args)
			named[slices.Index(args, "FIFO")] = path
			p := start(t, nil, named...)
			p.opening()
			return p
		}
	}
	piped := func(text string, args ...string) func(*testing.T) *process {
		return func(t *testing.T) *process { return pipeIn(t, text, args...) }
	}
	tests := []struct {
		name  string
		begin func(t *testing.T) *process
	}{
		{"scan of standard input", piped("45.16.0.1\n", "scan", "-")},
		{"scan with exclusions of standard input", piped("45.16.0.1\n", "scan", "45.16.0.0/16", "--exclude", "-")},
		{"dry run of standard input", piped("45.16.0.1\n", "scan", "--dry-run", "-")},
		{"list of standard input", piped("# none yet\n", "scan", "--probes", "-")},
		{"dry run of a list", piped("45.16.0.9,40000,33434,3,udp\n", "scan", "--dry-run", "--probes", "-")},
		{"replay of standard input", piped(pcapHead(), "replay", "-")},
		{"scan of a FIFO", held("scan", "FIFO")},
		{"scan into a FIFO", held("scan", "45.16.0.1", "-o", "FIFO")},
		{"list of a FIFO", held("scan", "--probes", "FIFO")},
		{"replay of a FIFO", held("replay", "FIFO")},
		{"replay into a FIFO", held("replay", "-o", "FIFO", "../../../testdata/captures/plain.pcap")},
		{"verify with a FIFO as its log", held("verify", "-", "--log", "FIFO")},
		{"verify of standard input", func(t *testing.T) *process {
			return pipeIn(t, headRecords+"\n", "verify", "-", "--log", emptyLog(t))
		}},
		{"verify of a file", func(t *testing.T) *process {
			path := endless(t, headRecords, traceRecord)
			p := start(t, nil, "verify", path, "--log", emptyLog(t))
			p.reading(path)
			return p
		}},
		{"convert of standard input", func(t *testing.T) *process {
			return pipeIn(t, headRecords+"\n", "convert", "-", "-")
		}},
		{"convert of a FIFO", held("convert", "FIFO", "-")},
		{"convert into a FIFO", held("convert", filepath.Join("..", "..", "..", "testdata", "output", "udp4.ndjson"), "FIFO")},
		{"convert of a file", func(t *testing.T) *process {
			path := endless(t, headRecords, traceRecord)
			p := start(t, nil, "convert", path, "-")
			p.reading(path)
			return p
		}},
		{"show of standard input", piped(headRecords+"\n", "show", "-")},
		{"show of a FIFO", held("show", "FIFO")},
		{"scan with a FIFO of exclusions", held("scan", "45.16.0.1", "--exclude", "FIFO")},
		{"verify with a FIFO of targets", held("verify", "-", "--log", "/dev/null", "--targets", "FIFO")},
		{"show of a file", func(t *testing.T) *process {
			path := endless(t, headRecords, laterRecord)
			p := start(t, nil, "show", path)
			p.reading(path)
			return p
		}},
		{"replay of a large capture", func(t *testing.T) *process {
			path := bomb(t, "large.pcap.gz", pcapHead(), strings.Repeat("\x00", 1<<20), "", 1<<30)
			p := start(t, nil, "replay", path)
			p.reading(path)
			return p
		}},
		{"merge of a file", func(t *testing.T) *process {
			path := endless(t, headRecords, laterRecord)
			p := start(t, nil, "merge", path)
			p.reading(path)
			return p
		}},
	}
	for i, tt := range tests {
		for j, signals := range [][]syscall.Signal{{syscall.SIGINT}, {syscall.SIGTERM}, twice} {
			if i%3 != j && !effort.Soaking() {
				continue
			}
			t.Run(fmt.Sprint(tt.name, signals), func(t *testing.T) {
				t.Parallel()
				p := tt.begin(t)
				p.hit(signals...)
				p.end(4)
				if text := p.said(); !strings.HasPrefix(text, "masstrace: ") || strings.Count(text, "\n") != 1 {
					t.Errorf("stderr is %q, want one line", text)
				}
			})
		}
	}
}
