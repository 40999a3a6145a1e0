package commands

import (
	"bytes"
	"io"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/record"
)

// screenWriter is a format.Writer for a terminal: it writes traces as text, window by window. The
// display is not in between.
type screenWriter struct {
	format.Writer
	console *console
	out     io.Writer
	text    *bytes.Buffer
}

// newScreenWriter returns a writer to out, a terminal.
func newScreenWriter(c *console, out io.Writer) *screenWriter {
	text := new(bytes.Buffer)
	return &screenWriter{Writer: traceroute.NewTraces(traceroute.Writer{Out: text, Columns: columnsOf(out), Label: annotate.Label}), console: c, out: out, text: text}
}

// Flush implements format.Writer.
func (w *screenWriter) Flush() error {
	if err := w.Writer.Flush(); err != nil || w.text.Len() == 0 {
		return err
	}
	defer w.text.Reset()
	return w.console.results(w.out, w.text.Bytes())
}

// showsText reports whether a scan shows its traces as text. It does on a terminal, unless the user
// asks for records: by --output, or by records that are not traces.
func (c *ScanCmd) showsText(flags given, stdout io.Writer) bool {
	kinds, err := record.ParseKinds(c.Records)
	return err == nil && kinds.Has(record.Traces) && c.Probes == "" && flags.find("output") == "" && isTerminal(stdout)
}
