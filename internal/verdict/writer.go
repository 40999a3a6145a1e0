package verdict

import (
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// Watch returns a Writer that writes to w, and judges each trace before.
func Watch(w format.Writer, j *Judge) format.Writer { return judging{w, j} }

type judging struct {
	format.Writer
	judge *Judge
}

// Write implements format.Writer.
func (w judging) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok {
		w.judge.Trace(t)
	}
	return w.Writer.Write(r)
}

// Complete judges a trace of a file, unless it has a verdict.
func (j *Judge) Complete(t *record.Trace) {
	if t.Judged.Verdict != record.NotJudged {
		j.Learn(t)
		return
	}
	j.Trace(t)
}
