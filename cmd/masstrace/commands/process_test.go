package commands

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// patience is the time that a test waits for an event within seconds, on a slow machine.
const patience = 60 * time.Second

// process is masstrace running.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of stderr; closed at its end
	over  chan struct{}
	mu    sync.Mutex
	log   strings.Builder // all of stderr so far
}

// start starts masstrace; stdout may be nil.
func start(t *testing.T, stdout *os.File, args ...string) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = program
	if stdout != nil {
		cmd.Stdout = stdout
	}
	return startCmd(t, cmd)
}

func startCmd(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 4096), over: make(chan struct{})}
	cmd.Env = append(cmd.Environ(), envTest+"="+t.Name())
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it fails when the process has ended
	})
	go p.listen(stderr)
	return p
}

func (p *process) listen(stderr io.Reader) {
	in := bufio.NewScanner(stderr)
	for in.Scan() {
		p.mu.Lock()
		p.log.WriteString(in.Text() + "\n")
		p.mu.Unlock()
		p.lines <- in.Text()
	}
	close(p.lines)
	_ = p.cmd.Wait() // the status is looked at
	close(p.over)
}

// said returns all of stderr so far.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// await waits for a line of stderr that contains text, and returns it.
func (p *process) await(text string) string {
	p.t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				<-p.over
				p.t.Fatalf("ended (%v) before it said %q:\n%s", p.cmd.ProcessState, text, p.said())
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-late:
			p.t.Fatalf("did not say %q:\n%s", text, p.said())
		}
	}
}

// isOver reports whether it has ended.
func (p *process) isOver() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// end waits until it ends, with that exit status.
func (p *process) end(status int) {
	p.t.Helper()
	select {
	case <-p.over:
	case <-time.After(patience):
		p.t.Fatalf("did not end:\n%s", p.said())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Fatalf("%v, want exit status %d:\n%s", p.cmd.ProcessState, status, p.said())
	}
}

// says checks that stderr contains all texts.
func (p *process) says(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.said(), text) {
			p.t.Errorf("does not say %q:\n%s", text, p.said())
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// insist sends a signal over and over until it has ended.
func (p *process) insist(s syscall.Signal) {
	p.t.Helper()
	poll(p.t, "it to end", func() bool {
		select {
		case <-p.over:
			return true
		default:
			_ = p.cmd.Process.Signal(s) // it fails when the process has ended
			return false
		}
	})
}

// poll waits until done returns true.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// grown waits until a file has that many octets.
func grown(t *testing.T, path string, octets int64) {
	t.Helper()
	poll(t, path+" to grow", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() >= octets
	})
}

// do runs a command that must succeed.
func do(t *testing.T, command string) {
	t.Helper()
	f := strings.Fields(command)
	if out, err := exec.Command(f[0], f[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// isolated reports whether the test is in a lab of its own, which it may change. If it is
// not, isolated has run it in one, and all is done.
func isolated(t *testing.T, setup, option string) bool {
	t.Helper()
	if os.Getenv(envIsolated) == t.Name() {
		return true
	}
	lab.Need(t, routers.Name)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status, err := lab.Run(t.Context(), lab.Config{
		Setup: setup, Option: option, Stdout: &out, Stderr: &out,
		Command: []string{"env", envIsolated + "=" + t.Name(), binary,
			"-test.v", "-test.run=^" + t.Name() + "$", "-test.timeout=3m"},
	})
	if err != nil || status != 0 {
		t.Fatalf("in a lab of its own: status %d, %v\n%s", status, err, out.String())
	}
	return false
}

// internetOption returns the option of a simulated Internet.
func internetOption(t *testing.T, link, preset string) string {
	t.Helper()
	o, err := internet.New(link, preset, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	option, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return option
}

// outFile returns the path of a file that does not exist yet.
func outFile(t *testing.T) string { return filepath.Join(t.TempDir(), "out.ndjson") }

// readNumber reads a file that holds one.
func readNumber(t *testing.T, path string) uint64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
