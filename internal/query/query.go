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
// file that cannot be asked.
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
	// Without -init, duckdb would run the commands in ~/.duckdbrc.
	command := exec.CommandContext(ctx, program, "-init", os.DevNull, "-bail", c.Format.option())
	command.Stdin = strings.NewReader(c.settings(spill) + sources.views() + statement(c.SQL))
	var complaint strings.Builder
	out := &failing{w: c.Stdout}
	command.Stdout, command.Stderr = out, &limited{w: &complaint, left: mostComplaint}
	err = command.Run()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("query: %w", run.ErrInterrupted)
	case out.err != nil:
		return run.OutputFailed(out.err)
	case err != nil:
		return &outfile.RefusedError{Name: "SQL", Err: fmt.Errorf("duckdb: %s", strings.TrimSpace(complaint.String()))}
	}
	return nil
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
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (f *failing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
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
