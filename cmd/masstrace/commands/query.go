package commands

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/query"
)

// QueryCmd asks results in SQL.
type QueryCmd struct {
	Args []string `arg:"" name:"file" complete:"file" help:"NDJSON files, also compressed, Parquet files, or folders of them; then the question in SQL, unless --ask names one."`

	Ask    questionName `group:"Question" placeholder:"NAME" help:"Ask a question of docs/cookbook.md by its name, see above. Default: the last argument is the question."`
	Memory string       `group:"Question" placeholder:"SIZE" help:"Memory that DuckDB may use, for example 2GB. It uses temporary files for more. Default: 80% of the memory of the machine."`

	Output    string      `group:"Output" short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, and .gz or .zst after it compresses the file. Default: -, the standard output."`
	Format    queryFormat `group:"Output" placeholder:"FORMAT" help:"table (for people), csv, json or ndjson. Default: that of the ending of the output, table without one."`
	Overwrite bool        `group:"Output" help:"Overwrite an existing output file. Default: nothing is asked if it exists."`
}

// questionName is the name of a question.
type questionName string

func (questionName) choices() []string { return query.Names() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (q *questionName) UnmarshalText(text []byte) error {
	*q = questionName(text)
	return choose(*q, string(text))
}

// queryFormat is the name of a format of rows.
type queryFormat string

func (queryFormat) choices() []string { return query.Formats() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *queryFormat) UnmarshalText(text []byte) error {
	*f = queryFormat(text)
	return choose(*f, string(text))
}

// Help returns the text below the flags.
func (c *QueryCmd) Help() string {
	var list []string
	for _, q := range query.Questions {
		list = append(list, q.Name+" ("+q.Text+")")
	}
	return "The program duckdb must be installed: https://duckdb.org/install. It reads the files in place, also if they are larger than the memory. " +
		"Views: hops, traces, links and runs, with the columns of docs/query.md. " +
		"Questions: " + strings.Join(list, ", ") + "."
}

// Run only translates flags; the work is package query's.
func (c *QueryCmd) Run(ctx context.Context, s streams) error {
	if err := s.outputApart(c.Output, c.Args...); err != nil {
		return err
	}
	files, sql := c.Args, ""
	if c.Ask == "" {
		files, sql = files[:len(files)-1], files[len(files)-1]
		if len(files) == 0 {
			return &plan.ConfigError{Err: errors.New("one argument is not enough: give results, and the question as the last argument or with --ask")}
		}
	} else {
		var err error
		if sql, err = query.Ask(string(c.Ask)); err != nil {
			return err
		}
	}
	name, err := formatOf(string(c.Format), c.Output, query.Formats())
	if err != nil {
		return err
	}
	if err := checkOutput(c.Output, c.Overwrite, s, files...); err != nil {
		return err
	}
	return writeWhole(c.Output, c.Overwrite, s, func(w io.Writer) error {
		return query.Run(ctx, query.Config{Files: files, SQL: sql, Format: query.Format(name), Memory: c.Memory, Program: "duckdb", Stdout: w})
	})
}
