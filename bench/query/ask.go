package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// asking is a question, with its answers from each way and what they took.
type asking struct {
	name    string
	answers []string
	used    []usage
}

// usage is what a query took: s, and octets of the largest process.
type usage struct{ elapsed, cpu, octets float64 }

// ask asks one way.
func (a *asking) ask(c *config, env []string, dir string, w way) error {
	args := append([]string{"--data=" + strconv.FormatInt(c.limit, 10), c.program, "query", "--ask", a.name, "--format", "csv", "--memory", c.memory}, w.paths...)
	cmd := exec.Command("prlimit", args...)
	cmd.Env = append(env, "TMPDIR="+dir)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	took := time.Since(began).Seconds()
	used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage) // of all processes below, too
	if !ok {
		return errors.New("no usage")
	}
	a.answers = append(a.answers, out.String())
	a.used = append(a.used, usage{took, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), float64(used.Maxrss) * 1024})
	return nil
}

// rows returns the number of lines of the answer.
func (a *asking) rows() int { return strings.Count(a.answers[0], "\n") }

// check returns an error unless all ways gave the same rows, and some.
func (a *asking) check() error {
	for _, text := range a.answers {
		if text == "" || text != a.answers[0] {
			return fmt.Errorf("%s: the answers differ, or are empty:\n%.1000s\nand\n%.1000s", a.name, a.answers[0], text)
		}
	}
	return nil
}

// trim returns what a program printed, as one word.
func trim(text []byte) string { return strings.TrimSpace(string(text)) }

// size returns the octets of files.
func size(paths []string) (n int64) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			n += info.Size()
		}
	}
	return n
}
