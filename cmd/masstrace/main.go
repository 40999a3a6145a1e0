// Command masstrace traces the paths to many targets at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/engine"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
)

// version is what the program calls itself; the linker may set it.
var version = "0.1.0-dev"

// cli is the command line.
type cli struct {
	Scan   ScanCmd   `cmd:"" help:"Trace every target of prefix lists."`
	Trace  TraceCmd  `cmd:"" help:"Trace the path to a host, as traceroute does."`
	Replay ReplayCmd `cmd:"" help:"Write the records of captures, ours or of any traceroute's."`
	Merge  MergeCmd  `cmd:"" help:"Put the results of shards into one file, with one summary."`
	Lab    LabCmd    `cmd:"" help:"Run a command in a network of its own that has no way out."`
	Verify VerifyCmd `cmd:"" help:"Hold results against the truth of a simulated Internet."`

	Version kong.VersionFlag `help:"Print the version."`
}

// exit statuses of the command line itself; engine.Class has the others.
const statusUsage = int(engine.Usage)

func main() {
	lab.Init(labSetups()...)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// signals is what the commands know of signals: Interrupted ends with the
// first, the context of Run with the second.
type signals struct{ Interrupted context.Context }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	streams := engine.Streams{Stdin: stdin, Stdout: stdout, Stderr: stderr, Terminal: isTerminal(stderr), Summarize: writeSummary}
	ctx, stopSignals := catchSignals()
	defer stopSignals()

	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("masstrace"),
		kong.Description("Mass traceroute: all TTLs of thousands of targets in flight at once."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code; panic(errExit) }),
		kong.Vars{
			"version": "masstrace " + version,
			"presets": "Network to start from: " + strings.Join(internet.Presets(), ", "),
		},
		kong.Bind(streams, args),
		kong.BindTo(ctx.hard, (*context.Context)(nil)),
		kong.Bind(signals{ctx.soft}),
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
	if err := k.Run(); err != nil {
		if status, ok := errors.AsType[exitStatus](err); ok {
			return int(status)
		}
		fmt.Fprintln(stderr, "masstrace:", err)
		return int(engine.ClassOf(err))
	}
	return 0
}

// errExit takes kong's wish to exit (--help, --version) up to run.
var errExit = errors.New("exit")

// twoSignals are the contexts that the first and the second signal end.
type twoSignals struct{ soft, hard context.Context }

// catchSignals turns SIGINT and SIGTERM into the ends of contexts. An output
// that nobody reads any more is an error to it, and not SIGPIPE.
func catchSignals() (c twoSignals, stop func()) {
	soft, endSoft := context.WithCancel(context.Background())
	hard, endHard := context.WithCancel(context.Background())
	caught, pipe := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	signal.Notify(pipe, syscall.SIGPIPE) // nobody waits for it: writing returns EPIPE
	done := make(chan struct{})
	go func() {
		for _, end := range []context.CancelFunc{endSoft, endHard} {
			select {
			case <-caught:
				end()
			case <-done:
				return
			}
		}
	}()
	return twoSignals{soft, hard}, func() {
		signal.Stop(caught)
		signal.Stop(pipe)
		close(done)
		endSoft()
		endHard()
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != ""
}
