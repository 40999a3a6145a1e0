package merge

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// finder counts the findings of lines. The findings of shards do not add up: shards have interfaces
// in common.
type finder struct {
	counter *findings.Counter
	waiting *record.Trace // whose trace-ext record may be the next line
	decoder ndjson.Decoder
	scan    scan
}

// line takes a line.
func (f *finder) line(typ string, line []byte) error {
	switch typ {
	case ndjson.TypeTrace:
		f.settle()
		r, err := f.decoder.Decode(line)
		if err != nil {
			return err
		}
		f.waiting, _ = r.(*record.Trace)
	case ndjson.TypeTraceExt:
		var ext extLine
		if err := f.scan.ext(line, &ext); err != nil {
			return fmt.Errorf("%s record: %w", typ, err)
		}
		if f.waiting != nil {
			f.waiting.Reached = ext.Reached
			if err := ext.judgement(&f.waiting.Judged); err != nil {
				return fmt.Errorf("%s record: %w", typ, err)
			}
		}
		f.settle()
	}
	return nil
}

// judgement fills in the verdict and the kinds of the conditions.
func (l *extLine) judgement(v *record.Judgement) (err error) {
	if v.Verdict, err = record.ParseVerdict(l.Verdict); err != nil {
		return err
	}
	for _, c := range l.Conditions {
		kind, err := record.ParseCondition(c.Condition)
		if err != nil {
			return err
		}
		v.Conditions = append(v.Conditions, record.Condition{Kind: kind})
	}
	return nil
}

// settle counts the trace that waits.
func (f *finder) settle() {
	if f.waiting != nil {
		f.counter.Add(f.waiting)
		f.waiting = nil
	}
}

// findings returns the findings of all lines, nil if there is no trace among them.
func (f *finder) findings() *record.Findings {
	f.settle()
	if found := f.counter.Findings(); found.Traces > 0 {
		return found
	}
	return nil
}
