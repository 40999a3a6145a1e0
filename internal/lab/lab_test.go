package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// envHelper makes the test binary a program that uses the lab. "run" runs its arguments in a lab.
// "main" is a TestMain whose tests end with status 3.
const envHelper = "MASSTRACE_LAB_TEST_HELPER"

func TestMain(m *testing.M) {
	Init(setups()...)
	switch os.Getenv(envHelper) {
	case "run":
		status, err := Run(context.Background(), Config{Command: os.Args[1:]})
		if err != nil {
			os.Stderr.WriteString(err.Error())
		}
		if errors.Is(err, ErrUnavailable) {
			status = statusUnavailable
		}
		os.Exit(status)
	case "main":
		os.Exit(Main(tests{}, setups()...))
	}
	os.Exit(m.Run())
}

const statusUnavailable = 99

// tests stands in for a *testing.M.
type tests struct{}

func (tests) Run() int {
	if Inside("named") {
		os.Stdout.WriteString("inside ")
	}
	os.Stdout.WriteString(strings.Join(os.Args[1:], " "))
	return 3
}

func setups() []Setup {
	return []Setup{
		{Name: "named", Build: func(ctx context.Context, option string) (func() error, error) {
			return nil, exec.CommandContext(ctx, "ip", "netns", "add", "lab-test-"+option).Run()
		}},
		{Name: "lossy", Build: func(context.Context, string) (func() error, error) {
			return func() error { return errors.New("the counters are lost") }, nil
		}},
		{Name: "broken", Build: func(context.Context, string) (func() error, error) { return nil, errors.New("out of cable") }},
	}
}

// runOut is Run plus the output of the command. It skips the test if there are no namespaces.
func runOut(t *testing.T, cfg Config) (out string, status int, err error) {
	t.Helper()
	var b bytes.Buffer
	cfg.Stdin, cfg.Stdout, cfg.Stderr = strings.NewReader(""), &b, &b
	status, err = Run(t.Context(), cfg)
	if errors.Is(err, ErrUnavailable) {
		t.Skipf("needs namespaces: %v", err)
	}
	return b.String(), status, err
}

func sh(script string) []string { return []string{"sh", "-c", script} }

func TestRunStatus(t *testing.T) {
	tests := []struct {
		name    string
		cfg     Config
		want    int
		wantErr string
		wantOut string
	}{
		{name: "success", cfg: Config{Command: sh("echo hello")}, wantOut: "hello\n"},
		{name: "failure", cfg: Config{Command: sh("exit 7")}, want: 7},
		{name: "signal", cfg: Config{Command: sh("kill -TERM $$")}, want: 128 + 15},
		{name: "no such command", cfg: Config{Command: []string{"no-such-command"}}, want: 127, wantErr: "start command"},
		{name: "no command", want: 127, wantErr: "no command"},
		{name: "no such network", cfg: Config{Setup: "x", Command: sh("exit 0")}, want: 127, wantErr: `no network is called "x"`},
		{name: "broken network", cfg: Config{Setup: "broken", Command: sh("exit 0")}, want: 127, wantErr: "build network broken: out of cable"},
		{name: "option", cfg: Config{Setup: "named", Option: "one", Command: sh("ls /run/netns")}, wantOut: "lab-test-one\n"},
		{name: "only loopback, and up", cfg: Config{Command: sh("ip -o link | cut -c1-32")}, wantOut: "1: lo: <LOOPBACK,UP,LOWER_UP> mt\n"},
		{name: "links in /sys", cfg: Config{Command: sh("ls /sys/class/net")}, wantOut: "lo\n"},
		{name: "own pids", cfg: Config{Command: sh("ls -d /proc/1; cat /proc/1/comm | wc -l; test $$ -lt 100")}, wantOut: "/proc/1\n1\n"},
		{name: "no route", cfg: Config{Command: sh("ip route; ip -6 route show default; ping -c1 -W1 8.8.8.8 2>&1 >/dev/null | grep -c unreachable")}, wantOut: "1\n"},
		{name: "orphans are reaped", cfg: Config{Command: sh(`for i in 1 2 3; do sh -c "sleep 0.05 &"; done; sleep 0.5; grep -l "State:.Z" /proc/[0-9]*/status | wc -l`)}, wantOut: "0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, status, err := runOut(t, tt.cfg)
			if status != tt.want || (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Run = %d, %v; want %d, %q", status, err, tt.want, tt.wantErr)
			}
			if out != tt.wantOut {
				t.Errorf("output %q, want %q", out, tt.wantOut)
			}
		})
	}
}

func TestRunEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, Config{Command: sh("sleep 100 & sleep 100")})
	if errors.Is(err, ErrUnavailable) {
		t.Skipf("needs namespaces: %v", err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v, want %v", err, context.DeadlineExceeded)
	}
}

// Processes that the command started end with it, and no name of a namespace is left.
func TestNothingStaysBehind(t *testing.T) {
	before := netnsNames(t)
	nap := tag()
	_, _, err := runOut(t, Config{Setup: "named", Option: "gone", Command: sh(fmt.Sprintf(
		"setsid sleep %s >/dev/null 2>&1 & ip netns exec lab-test-gone sleep %[1]s >/dev/null 2>&1 & sleep 0.1", nap))})
	if err != nil {
		t.Fatal(err)
	}
	if left := tagged(nap); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if after := netnsNames(t); !slices.Equal(before, after) {
		t.Errorf("names of namespaces were %v, are %v", before, after)
	}
}

// netnsNames lists /run/netns outside, and whether the directory exists.
func netnsNames(t *testing.T) []string {
	entries, err := os.ReadDir(netnsDir)
	names := []string{"there: " + map[bool]string{true: "yes", false: "no"}[err == nil]}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// tag returns a number of seconds to sleep that no other process sleeps. Processes cannot be
// identified by their namespaces, because the kernel reuses the numbers of namespaces.
func tag() string { return fmt.Sprintf("%d.%d", 1000+os.Getpid(), time.Now().UnixNano()) }

// tagged lists the processes that have a tag in their command line. A process that has ended and is
// not reaped yet has no command line.
func tagged(tag string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is valid
	for _, f := range files {
		// A process that ends at this moment has no command line either.
		if line, _ := os.ReadFile(f); bytes.Contains(line, []byte(tag)) {
			pids = append(pids, strings.Split(f, "/")[2])
		}
	}
	return pids
}

func TestRefused(t *testing.T) {
	if refused(unix.ENOENT) || !refused(&os.PathError{Err: unix.EPERM}) {
		t.Error("refused is wrong about ENOENT or EPERM")
	}
}
