// Package query asks results in SQL, also those that are larger than the memory. The program
// duckdb does the work: the package describes the files to it as views.
package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// Config is the request of a query.
type Config struct {
	Files   []string // NDJSON or Parquet, also compressed NDJSON, or folders of Parquet files
	SQL     string
	Format  Format
	Memory  string // the most memory, as DuckDB has it: 2GB; "" is its default, 80 % of the machine
	Program string // duckdb by path or name
	Stdout  io.Writer
}

// Format is a way in which rows are written.
type Format string

// The formats.
const (
	Table  Format = "table"
	CSV    Format = "csv"
	JSON   Format = "json"
	NDJSON Format = "ndjson"
)

// Formats returns the names of the formats.
func Formats() []string { return []string{string(Table), string(CSV), string(JSON), string(NDJSON)} }

// option returns the option of duckdb for a format.
func (f Format) option() string {
	switch f {
	case CSV:
		return "-csv"
	case JSON:
		return "-json"
	case NDJSON:
		return "-jsonlines"
	}
	return "-box"
}

// ErrNoProgram means that duckdb is not installed.
var ErrNoProgram = errors.New("the program duckdb is not installed. Download it from https://duckdb.org/install " +
	"and put it into a folder of $PATH")

// Run asks the question and writes the rows, until ctx ends. An *outfile.RefusedError is about a
// file that cannot be asked. If lines of a file are damaged, the rows are those of the other lines,
// and the error is an *run.Incomplete.
func Run(ctx context.Context, c Config) error {
	sources, err := find(c.Files)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(c.Program)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrNoProgram, err)
	}
	spill, err := os.MkdirTemp(largeFiles(), "masstrace-query-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(spill)
	copies := &copies{ctx: ctx, folder: spill}
	if err := sources.copyInto(copies); err != nil {
		return err
	}
	a := &asking{Config: &c, sources: sources, copies: copies, program: program, spill: spill}
	err = a.askAround(ctx)
	if faults := copies.faults; len(faults) > 0 && err == nil {
		err = &run.Incomplete{Err: errors.Join(faults...)}
	}
	return err
}

// largeFiles returns the folder for temporary files that may be large: that of $TMPDIR, else
// /var/tmp, because /tmp is in memory on some systems. "" is the default of the system.
func largeFiles() string {
	const large = "/var/tmp"
	if _, err := os.Stat(large); os.Getenv("TMPDIR") != "" || err != nil {
		return ""
	}
	return large
}

// damaged is in DuckDB's message about a line of NDJSON that is no record.
const damaged = "Malformed JSON in file"

// damagedError is about a line that is no record.
type damagedError struct{ message string }

func (e *damagedError) Error() string { return e.message }

// asking is a question under way.
type asking struct {
	*Config
	sources        *sources
	copies         *copies
	program, spill string
	wrote          bool // rows came
}

// askAround asks, and asks again without the damaged lines if there are some.
func (a *asking) askAround(ctx context.Context) error {
	err := a.ask(ctx, false)
	damage, ok := errors.AsType[*damagedError](err)
	switch {
	case !ok:
		return err
	case a.wrote:
		return &run.Incomplete{Err: fmt.Errorf("%w; some rows are missing", err)}
	}
	if err = a.ask(ctx, true); err == nil {
		err = &run.Incomplete{Err: fmt.Errorf("%w; damaged lines were left out", damage)}
	}
	return err
}

// ask runs duckdb. If lenient is set, lines that are no records have no rows.
func (a *asking) ask(ctx context.Context, lenient bool) error {
	a.sources.lenient = lenient
	// Without -init, duckdb would run the commands in ~/.duckdbrc.
	command := exec.CommandContext(ctx, a.program, "-init", os.DevNull, "-bail", a.Format.option())
	command.Stdin = strings.NewReader(a.settings(a.spill) + a.sources.views() + statement(a.SQL))
	var complaint strings.Builder
	out := &failing{w: a.Stdout}
	command.Stdout, command.Stderr = out, &limited{w: &complaint, left: mostComplaint}
	err := command.Run()
	a.wrote = a.wrote || out.wrote
	message := a.copies.rename(strings.TrimSpace(complaint.String()))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("query: %w", run.ErrInterrupted)
	case out.err != nil:
		return run.OutputFailed(out.err)
	case err != nil && strings.Contains(message, damaged):
		return &damagedError{firstLine(message)}
	case err != nil:
		return &outfile.RefusedError{Name: "SQL", Err: fmt.Errorf("duckdb: %s", message)}
	}
	return nil
}

// firstLine returns the first line of a message. DuckDB's advice after it is about
// SQL that the question does not have.
func firstLine(message string) string {
	line, _, _ := strings.Cut(message[strings.Index(message, damaged):], "\n")
	return strings.TrimRight(strings.TrimSpace(line), ".")
}

// settings returns the statements before the views. DuckDB writes temporary files to the folder
// spill; without it, it would make a folder in the current one.
func (c *Config) settings(spill string) string {
	text := ".changes off\nSET enable_progress_bar = false;\nSET TimeZone = 'UTC';\n" +
		"SET temp_directory = " + literal(spill) + ";\n"
	if c.Memory != "" {
		text += "SET memory_limit = " + literal(c.Memory) + ";\n"
	}
	return text
}

// statement returns a query with an end. It begins on a line of its own.
func statement(sql string) string {
	return strings.TrimRight(strings.TrimSpace(sql), "; \n") + "\n;\n"
}

// literal returns a string of SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// failing keeps the error of a write.
type failing struct {
	w     io.Writer
	wrote bool
	err   error
}

// Write implements io.Writer.
func (f *failing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.wrote = true
	if err != nil {
		f.err = err
	}
	return n, err
}

const mostComplaint = 4 << 10

// limited keeps the first octets.
type limited struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	part := b[:min(len(b), l.left)]
	l.left -= len(part)
	if _, err := l.w.Write(part); err != nil {
		return 0, err
	}
	return len(b), nil
}
