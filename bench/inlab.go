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

// Uplink is the link of a lab, on the side of the command.
const Uplink = "uplink0"

// Usage is what a command in a lab took, and did to the link.
type Usage struct {
	Sent, Received uint64  // packets on the link
	Seconds        float64 // from the first packet sent to the last
	Elapsed        float64 // seconds, from start to end
	CPU            float64 // seconds, user and system, of the command
	Octets         int64   // of memory, at most
}

// Seen is what the simulated Internet of a lab counted.
type Seen struct {
	Simulator map[string]uint64 `json:"simulator"`
	LostIn    uint64            `json:"lost_in"`
}

// Answers returns how many answers it sent.
func (s *Seen) Answers() (n float64) {
	for name, v := range s.Simulator {
		if strings.HasPrefix(name, "answer ") {
			n += float64(v)
		}
	}
	return n
}

// A Lab measures commands in masstrace lab. The program that uses it calls Inside
// first of all.
type Lab struct {
	Masstrace string   // the program
	Options   []string // of masstrace lab
	Dir       string   // for files of its own
	Work      string   // where commands run; empty is here
}

// inside is the first argument of the part of a program that runs in the lab.
const inside = "inside"

// Measured runs a command in the lab, with the file input for its standard input,
// or nothing if input is empty.
func (l *Lab) Measured(input string, command ...string) (u Usage, s Seen, err error) {
	counts, usages := filepath.Join(l.Dir, "counts"), filepath.Join(l.Dir, "usage")
	args := append([]string{"lab", "--counters", counts}, l.Options...)
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

// Part returns the command that runs a part of this program: what Inside gets.
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

// Inside runs the part of a program that runs in a lab, if this is it, and reports
// whether it was: args are the program's, without its name. other runs the parts
// that a program has besides; nil if there are none.
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

// measured runs a command, with our input and output, and writes its usage.
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
		// A packet or two are the kernel's own, who looks for neighbours.
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
