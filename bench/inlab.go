package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Uplink is the name of a lab's link, at the command's side.
const Uplink = "uplink0"

// Usage is the resources that a command in a lab used, and its traffic.
type Usage struct {
	Sent, Received uint64  // packets on the link
	Seconds        float64 // from the first packet sent to the last
	Elapsed        float64 // from start to end
	CPU            float64 // seconds, user and system, of the command
	Octets         int64   // largest memory
}

// Seen is the counters of a lab's simulated Internet.
type Seen struct {
	Simulator map[string]uint64 `json:"simulator"`
	LostIn    uint64            `json:"lost_in"`
}

// Answers returns how many answers the simulated Internet sent.
func (s *Seen) Answers() (n float64) {
	for name, v := range s.Simulator {
		if strings.HasPrefix(name, "answer ") {
			n += float64(v)
		}
	}
	return n
}

// A Lab measures commands in masstrace lab. A program that uses it must call Inside first.
type Lab struct {
	Masstrace string   // path of the program
	Options   []string // of masstrace lab
	Dir       string   // for temporary files
	Work      string   // folder in which commands run; empty means the current one
}

// inside is the first argument of a program's part that runs in the lab.
const inside = "inside"

// Measured runs a command in the lab. Its standard input is the file input, or nothing if input is
// empty.
func (l *Lab) Measured(input string, command ...string) (u Usage, s Seen, err error) {
	counts, usages := filepath.Join(l.Dir, "counts"), filepath.Join(l.Dir, "usage")
	args := append([]string{"lab", "--overwrite", "--counters", counts}, l.Options...)
	args = append(append(args, "--"), Part("measured", usages)...)
	cmd := exec.Command(l.Masstrace, append(args, command...)...)
	cmd.Dir = l.Work
	if input != "" {
		f, err := os.Open(input)
		if err != nil {
			return u, s, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return u, s, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, text)
	}
	return u, s, errors.Join(readJSON(counts, &s), readJSON(usages, &u))
}

// Part returns the command that runs a part of this program: its arguments are those of Inside.
func Part(args ...string) []string {
	self, _ := os.Executable()
	return append([]string{self, inside}, args...)
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// Inside runs the part of a program that runs in a lab, if args select one, and reports whether
// they do. args are the program's arguments, without its name. other runs the other parts of a
// program; nil if there are none.
func Inside(args []string, other func(args []string) error) (bool, error) {
	if len(args) == 0 || args[0] != inside {
		return false, nil
	}
	args = args[1:]
	here, err := os.Readlink("/proc/self/ns/net")
	switch {
	case err != nil || !strings.Contains(os.Getenv("MASSTRACE_LAB"), here):
		return true, errors.New("refused: not in a lab")
	case len(args) > 2 && args[0] == "measured":
		return true, measured(args[1], args[2:])
	case other != nil:
		return true, other(args)
	}
	return true, fmt.Errorf("%s %q is not known", inside, args)
}

// measured runs a command, with our standard input and output, and writes its usage.
func measured(file string, command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var before, after Usage
	before.count()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var first, last time.Time
	previous := before.Sent
	watch := time.NewTicker(5 * time.Millisecond)
	defer watch.Stop()
	for running := true; running; {
		var err error
		select {
		case err = <-ended:
			running = false
		case <-watch.C:
		}
		if err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
		after.count()
		// One or two packets are the kernel's own, for neighbour discovery.
		if sent := after.Sent; sent-previous > 2 {
			last, previous = time.Now(), sent
			if first.IsZero() {
				first = last
			}
		}
	}
	used := cmd.ProcessState
	b, err := json.Marshal(Usage{
		Sent: after.Sent - before.Sent, Received: after.Received - before.Received,
		Seconds: last.Sub(first).Seconds(),
		Elapsed: time.Since(began).Seconds(),
		CPU:     (used.UserTime() + used.SystemTime()).Seconds(),
		Octets:  used.SysUsage().(*syscall.Rusage).Maxrss << 10,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// count reads how many packets the link has carried.
func (u *Usage) count() { u.Sent, u.Received = counter("tx_packets"), counter("rx_packets") }

func counter(name string) uint64 {
	b, err := os.ReadFile("/sys/class/net/" + Uplink + "/statistics/" + name)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n
}
