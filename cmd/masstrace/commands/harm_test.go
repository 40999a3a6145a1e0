package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// captureOfScan is a capture of masstrace with its key file.
const captureOfScan = "../../../testdata/captures/scans/udp.pcapng"

// A command whose request cannot begin changes no existing file, even if it may overwrite. Its
// inputs are missing, have another format, or contradict the options.
func TestFailedRequestKeepsOutput(t *testing.T) {
	lab.Need(t, routers.Name)
	dir := t.TempDir()
	out, bad := filepath.Join(dir, "out"), filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("neither a capture nor results\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
	}{
		{"replay none", statusEnvironment},
		{"replay " + bad, statusPartial},
		{"replay " + captureOfScan + " none", statusEnvironment},
		{"replay --key zz " + captureOfScan, statusUsage},
		{"replay --key 00112233445566778899aabbccddeeff " + captureOfScan, statusUsage},
		{"replay --key 00112233445566778899aabbccddeeff ../../../testdata/captures/plain.pcap", statusUsage},
		{"merge none", statusEnvironment},
		{"merge " + bad, statusEnvironment},
		{"scan none", statusEnvironment},
		{"scan " + bad, statusUsage},
		{"scan 45.0.0.1 --exclude none", statusEnvironment},
		{"scan 45.0.0.1 --exclude " + bad, statusUsage},
		{"scan 45.0.0.1 --key zz", statusUsage},
		{"scan 45.0.0.1 --interface none", statusEnvironment},
		{"scan --probes none", statusEnvironment},
	} {
		for _, flag := range []string{"-o", "--replies", "--meta"} {
			if err := os.WriteFile(out, []byte("yesterday\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, append(strings.Fields(tt.args), "--overwrite", flag, out)...)
			said, _ := cmd.CombinedOutput() // the status is looked at
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("masstrace %s: status %d, want %d: %s", tt.args, got, tt.status, said)
			}
			if text, err := os.ReadFile(out); err != nil || string(text) != "yesterday\n" {
				t.Errorf("masstrace %s %s: the file is %q, %v", tt.args, flag, text, err)
			}
		}
	}
}

// scarce are command lines for TestScarce: of each command, with files that exist.
var scarce = []string{
	"scan 45.16.0.9 --max-ttl 2 --wait 100ms --receive-buffer 1M --overwrite -o out",
	"scan --dry-run 45.16.0.9",
	"scan --probes list --wait 100ms --receive-buffer 1M --overwrite -o out",
	"trace -n -m 2 45.16.0.9",
	"replay --overwrite -o out c.pcapng",
	"show r.ndjson",
	"merge --overwrite -o out r.ndjson",
	"verify r.ndjson --log log",
	"lab --preset help",
	"--help",
}

// A process may have few files to open, no /proc, no folder for temporary files, or no standard
// streams. It then ends with a status that fits, and with a message if it could not do its work. It
// never writes into an input: the first file that it opens does not become its standard output.
func TestScarce(t *testing.T) {
	lab.Need(t, routers.Name)
	inputs := scarceInputs(t)
	for name, before := range map[string]string{
		"8 files":             "ulimit -n 8", // with less, see TestFewestFiles
		"10 files":            "ulimit -n 10",
		"no /proc":            "mount -t tmpfs none /proc",
		"/tmp is read only":   "mount -t tmpfs -o ro none /tmp",
		"no standard input":   "exec <&-",
		"no standard output":  "exec >&-",
		"no standard error":   "exec 2>&-",
		"no standard streams": "exec <&- >&- 2>&-",
		"full output":         "exec >/dev/full",
		"full streams":        "exec >/dev/full 2>/dev/full",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := scarceDir(t, inputs)
			for _, args := range scarce {
				checkScarce(t, dir, before, args)
			}
		})
	}
}

// With fewer open files than Go's runtime needs, it ends the process before main. Nothing is changed.
func TestFewestFiles(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	dir := scarceDir(t, scarceInputs(t))
	out := filepath.Join(dir, "out")
	if err := os.WriteFile(out, []byte("yesterday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for files := 3; files < 8; files++ {
		for _, args := range []string{"scan 45.16.0.9 --overwrite -o out", "replay --overwrite -o out c.pcapng", "merge --overwrite -o out r.ndjson"} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("ulimit -n %d && exec ./masstrace %s", files, args))
			cmd.Dir = dir
			said, err := cmd.CombinedOutput()
			if err == nil || contents(t, out) != "yesterday\n" {
				t.Errorf("%d files: %s: %v, and the output is %.100q\n%.300s", files, args, err, contents(t, out), said)
			}
		}
	}
}

// scarceInputs returns a folder that is not below /tmp, with the program and the inputs of scarce.
func scarceInputs(t *testing.T) string {
	t.Helper()
	dir := outsideTemp(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	key, err := filepath.Abs(captureOfScan + ".key")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		self: program, emptyLog(t): "log", key: "c.pcapng.key", strings.TrimSuffix(key, ".key"): "c.pcapng",
	} {
		do(t, "cp "+from+" "+filepath.Join(dir, to))
	}
	err = os.WriteFile(filepath.Join(dir, "list"), []byte("45.16.0.9,40000,33434,2,udp\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	do(t, program+" scan 45.16.0.9 --seed s --shard 1/1 --max-ttl 2 --wait 100ms -q -o "+filepath.Join(dir, "r.ndjson"))
	return dir
}

// scarceDir returns a copy of the inputs; the program, which is large, is a link to the same file.
func scarceDir(t *testing.T, inputs string) string {
	t.Helper()
	dir := outsideTemp(t)
	for _, name := range []string{"log", "list", "c.pcapng", "c.pcapng.key", "r.ndjson"} {
		do(t, "cp "+filepath.Join(inputs, name)+" "+dir)
	}
	if err := os.Link(filepath.Join(inputs, program), filepath.Join(dir, program)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// outsideTemp returns a new folder that is not below /tmp.
func outsideTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "masstrace-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// checkScarce runs a command line of scarce after the commands before of a shell.
func checkScarce(t *testing.T, dir, before, args string) {
	t.Helper()
	inputs := []string{"log", "list", "c.pcapng", "r.ndjson"}
	was := map[string]string{}
	for _, name := range inputs {
		was[name] = contents(t, filepath.Join(dir, name))
	}
	out := filepath.Join(dir, "out")
	if err := os.WriteFile(out, []byte("yesterday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", before + ` && exec ./masstrace "$@"`, "sh"}, strings.Fields(args)...)...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	said, _ := cmd.CombinedOutput() // the status is looked at
	status := cmd.ProcessState.ExitCode()
	t.Logf("%s: status %d, %.150q", args, status, said)
	known := status == statusDone || status == statusNo || status == statusEnvironment || status == statusPartial
	if !known || strings.Contains(string(said), "goroutine ") {
		t.Errorf("%s: status %d: %.300s", args, status, said)
	}
	if failed := status == statusEnvironment || status == statusPartial; failed && !strings.Contains(before, "2>") && !strings.Contains(string(said), "masstrace: ") {
		t.Errorf("%s: status %d without a message: %s", args, status, said)
	}
	for _, name := range inputs {
		if contents(t, filepath.Join(dir, name)) != was[name] {
			t.Errorf("%s: %s was changed", args, name)
		}
	}
	if text := contents(t, out); status == statusEnvironment && text != "yesterday\n" {
		t.Errorf("%s: failed, and the output is %.100q", args, text)
	} else if text != "yesterday\n" && !strings.HasPrefix(text, `{"type":"cycle-start"`) {
		t.Errorf("%s: the output begins with %.100q", args, text)
	}
}

// contents returns the text of a file.
func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
