// Package commands is the command line of masstrace: flags, exit status, console, signals and
// privileges, with one file per command.
package commands

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/plaintext"
)

// version is the version of the program. Main sets it.
var version string

// drawn is the seed of scans without --seed and without a state; empty: random. Tests set it.
var drawn string

// cli is the command line.
type cli struct {
	Scan     ScanCmd     `cmd:"" help:"Trace every target of prefix lists."`
	Trace    TraceCmd    `cmd:"" help:"Trace the path to a host, as traceroute does."`
	Watch    WatchCmd    `cmd:"" help:"Watch the paths to hosts live, as mtr does."`
	Follow   FollowCmd   `cmd:"" help:"Follow the paths to many targets within a budget, and record their changes."`
	Replay   ReplayCmd   `cmd:"" help:"Write the records of captures, of masstrace or of any traceroute."`
	Show     ShowCmd     `cmd:"" help:"Show results as text, as traceroute does, or as rows."`
	Merge    MergeCmd    `cmd:"" help:"Write the results of all shards into one file, with one summary."`
	Convert  ConvertCmd  `cmd:"" help:"Write results in another format."`
	Annotate AnnotateCmd `cmd:"" help:"Add AS numbers, exchanges, countries and names to results or text."`
	Report   ReportCmd   `cmd:"" help:"Write results as a page that shows paths, topology and faults."`
	Compare  CompareCmd  `cmd:"" help:"Show the paths that changed between two results."`
	Graph    GraphCmd    `cmd:"" help:"Write the graph of the interfaces or autonomous systems of results, or a picture of it."`
	Plot     PlotCmd     `cmd:"" help:"Draw figures of results: times, lengths of paths, loss."`
	Query    QueryCmd    `cmd:"" help:"Ask results in SQL, also those that are larger than the memory."`
	Schema   SchemaCmd   `cmd:"" help:"Print the JSON Schema of the records."`
	Lab      LabCmd      `cmd:"" help:"Run a command in a separate network that no packet leaves."`
	Verify   VerifyCmd   `cmd:"" help:"Compare results with the truth of a simulated Internet."`
	Hub      HubCmd      `cmd:"" help:"Run the hub of many vantage points, or add and revoke them."`
	Agent    AgentCmd    `cmd:"" help:"Trace for a hub, within the rules of the owner of this machine."`
	Submit   SubmitCmd   `cmd:"" help:"Submit a measurement to the agents of a hub."`
	Jobs     JobsCmd     `cmd:"" help:"List the jobs and the agents of a hub."`
	Cancel   CancelCmd   `cmd:"" help:"Cancel a job of a hub."`
	Fetch    FetchCmd    `cmd:"" help:"Fetch the results of a job of a hub."`

	Version kong.VersionFlag `short:"V" help:"Print the version."`
}

// ordinary returns the flag that means the same as the arguments, if they are the command help or
// version; else the arguments.
func ordinary(args []string) []string {
	switch {
	case args[0] == "help" && len(args) <= 2:
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "version" && len(args) == 1:
		return []string{"--version"}
	}
	return args
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
	fault atomic.Pointer[error] // of the last write that failed; nil if none did
}

// Write implements io.Writer.
func (o *standardOutput) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		o.fault.Store(&err)
	}
	return n, err
}

// Stat returns the state of the file that the standard output is, so that an input from the same
// file is refused.
func (o *standardOutput) Stat() (fs.FileInfo, error) { return stat(o.Writer) }

// failed returns the error of a write that failed, or nil.
func (o *standardOutput) failed() error {
	if fault := o.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// isClosed reports whether a write has failed for want of a reader.
func (o *standardOutput) isClosed() bool { return errors.Is(o.failed(), syscall.EPIPE) }

// printed returns the exit status of a command that only prints: help or the version.
func (o *standardOutput) printed(stderr io.Writer, status int) int {
	switch err := o.failed(); {
	case err == nil:
		return status
	case o.isClosed():
		return statusPipe
	default:
		say(stderr, "masstrace: "+err.Error())
		return statusEnvironment
	}
}

// command is the command line that was given, for the records of a run.
type command []string

// argv returns the command line as run records have it.
func (c command) argv() []string { return append([]string{"masstrace"}, c...) }

// tool returns the name and version of the program as run records have them.
func tool() string { return "masstrace/" + version }

// Main runs the command line of the process, and returns its exit status. v is the version of the
// program. Main may be called once.
func Main(v string) int {
	version = v
	lab.Init(labSetups()...)
	keepSignals()
	return execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// startGCPercent lets the heap grow to 32 MB, eight times the usual least size, until the command line is
// parsed.
const startGCPercent = 800

// execute runs the command that args name, and returns the exit status.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	if len(args) == 0 { // as much help as --help, and no success
		execute([]string{"--help"}, stdin, stderr, stderr)
		return statusUsage
	}
	output := &standardOutput{Writer: stdout}
	stdout = output
	caught, stopSignals := catchSignals(stderr)
	defer stopSignals()

	// The collector would run once while the parser is built, and take as long as the parser.
	collect := debug.SetGCPercent(startGCPercent)
	exited := -1
	exit := func(code int) { exited = code; panic(errExit) }
	parser, err := newParser(stdout, stderr, exit,
		kong.Bind(streams{Stdin: newInterruptible(caught.killed, stdin), Stdout: stdout, Stderr: stderr}, command(args), caught),
		kong.BindTo(caught.killed, (*context.Context)(nil)),
	)
	if err != nil {
		say(stderr, "masstrace: "+err.Error())
		return statusUsage
	}
	defer func() {
		if r := recover(); r != nil {
			if r != errExit {
				panic(r)
			}
			debug.SetGCPercent(collect)
			status = output.printed(stderr, exited)
		}
	}()
	k, err := parser.Parse(ordered(parser.Model, ordinary(args)))
	debug.SetGCPercent(collect)
	if err != nil && output.failed() != nil {
		return output.printed(stderr, statusUsage)
	}
	if err != nil {
		say(stderr, "masstrace: "+misuse(err))
		return statusUsage
	}
	name, _, _ := strings.Cut(k.Command(), " ")
	flags, err := givenFlags(k)
	if err == nil {
		err = enoughFiles()
	}
	if err != nil {
		return report(stderr, name, args, err)
	}
	err = k.Run(flags)
	if err != nil && output.isClosed() {
		return statusPipe
	}
	return report(stderr, name, args, caught.explain(err))
}

// newParser returns the parser of the command line.
func newParser(stdout, stderr io.Writer, exit func(code int), more ...kong.Option) (*kong.Kong, error) {
	return kong.New(&cli{}, append(append(more, mappers()...),
		kong.Name("masstrace"),
		kong.Description("Mass traceroute: all TTLs of thousands of targets in flight at once."),
		kong.Help(printHelp),
		kong.Writers(plaintext.NewWriter(stdout), plaintext.NewWriter(stderr)),
		kong.Exit(exit),
		kong.WithBeforeApply(contradict),
		kong.PostBuild(hideRefused),
		kong.PostBuild(fillIn),
		kong.Vars{"version": "masstrace " + version},
	)...)
}

// fillIn replaces the names of lists in help texts. Kong would do so, too, but it parses each variable
// anew for each flag: these lists would take a third of the time of a start.
func fillIn(k *kong.Kong) error {
	lists := strings.NewReplacer(
		"${readers}", strings.Join(all.Readers(), ", "),
		"${wherefields}", strings.Join(intake.Fields(), ", "),
	)
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if v, ok := node.(*kong.Value); ok {
			v.Help = lists.Replace(v.Help)
		}
		return next(nil)
	})
}

// errExit takes kong's wish to exit (--help, --version) up to execute.
var errExit = errors.New("exit")
