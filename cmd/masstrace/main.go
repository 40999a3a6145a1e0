// Command masstrace traces the paths to many targets at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
)

// version is the version of the program; the linker may set it.
var version = "0.1.0-dev"

// cli is the command line.
type cli struct {
	Scan   ScanCmd   `cmd:"" help:"Trace every target of prefix lists."`
	Trace  TraceCmd  `cmd:"" help:"Trace the path to a host, as traceroute does."`
	Replay ReplayCmd `cmd:"" help:"Write the records of captures, of masstrace or of any traceroute."`
	Show   ShowCmd   `cmd:"" help:"Show results as text, as traceroute does, or as rows."`
	Merge  MergeCmd  `cmd:"" help:"Write the results of all shards into one file, with one summary."`
	Lab    LabCmd    `cmd:"" help:"Run a command in a separate network that no packet leaves."`
	Verify VerifyCmd `cmd:"" help:"Compare results with the truth of a simulated Internet."`

	Version kong.VersionFlag `help:"Print the version."`
}

// streams are the standard streams of the command.
type streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// standardOutput is the standard output of the command. If the reader of a pipe has gone away, as
// head(1) does, the command ends without a word, as a program does that the signal ends.
type standardOutput struct {
	io.Writer
	closed atomic.Bool // a write has failed for want of a reader
}

// Write implements io.Writer.
func (o *standardOutput) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		o.closed.Store(true)
	}
	return n, err
}

// command is the command line that was given, for the records of a run.
type command []string

// argv returns the command line as run records have it.
func (c command) argv() []string { return append([]string{"masstrace"}, c...) }

// tool returns the name and version of the program as run records have them.
func tool() string { return "masstrace/" + version }

func main() {
	lab.Init(labSetups()...)
	keepSignals()
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs the command that args name, and returns the exit status.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	output := &standardOutput{Writer: stdout}
	stdout = output
	caught, stopSignals := catchSignals(stderr)
	defer stopSignals()

	exited := -1
	exit := func(code int) { exited = code; panic(errExit) }
	parser, err := newParser(stdout, stderr, exit,
		kong.Bind(streams{Stdin: newInterruptible(caught.killed, stdin), Stdout: stdout, Stderr: stderr}, command(args), caught),
		kong.BindTo(caught.killed, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stderr, "masstrace:", err)
		return statusUsage
	}
	defer func() {
		if r := recover(); r != nil {
			if r != errExit {
				panic(r)
			}
			status = exited
		}
	}()
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "masstrace:", err)
		return statusUsage
	}
	name, _, _ := strings.Cut(k.Command(), " ")
	err = k.Run()
	if err != nil && output.closed.Load() {
		return statusPipe
	}
	return report(stderr, name, caught.explain(err))
}

// newParser returns the parser of the command line.
func newParser(stdout, stderr io.Writer, exit func(code int), more ...kong.Option) (*kong.Kong, error) {
	return kong.New(&cli{}, append(more,
		kong.Name("masstrace"),
		kong.Description("Mass traceroute: all TTLs of thousands of targets in flight at once."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.Vars{
			"version": "masstrace " + version,
			"presets": "Kind of network: " + strings.Join(internet.Presets(), ", "),
		},
	)...)
}

// errExit takes kong's wish to exit (--help, --version) up to execute.
var errExit = errors.New("exit")
