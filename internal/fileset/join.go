package fileset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// ErrMissing is wrapped by errors about a set of which a file is missing.
var ErrMissing = errors.New("a file of the run is missing")

// ErrForeign is wrapped by errors about files of different runs.
var ErrForeign = errors.New("the files are not of one run")

// join gives the lines of a set in the order of one file. The file with the run record leads. The
// n-th trace of one file belongs to the n-th trace-ext record of the other, and comes before it.
// Both have the same target and flow. Replies come before the end of their run, and
// before a resume record of a later time.
type join struct {
	lead *part
	data *part // traces whose trace-ext records are in lead, if there are any
	rest []*part
	last *part  // of the line that Next returned last
	path string // of the trace that Next returned last, "" after its trace-ext record
	run  string
	at   event
	end  error
}

// event is the part of a record of the lead that replies are compared with.
type event struct {
	line   int    // its number, 0 for none
	bad    bool   // it is no record
	Run    string `json:"run"`
	TimeUs int64  `json:"time_us"`
}

// newJoin returns the lines of the parts, of which lead has the run record.
func newJoin(lead *part, others []*part) *join {
	j := &join{lead: lead, rest: others, last: lead}
	for _, p := range others {
		if p.peek() == ndjson.TypeTrace || len(others) == 1 || j.data == nil && p.ended() {
			j.data = p
		}
	}
	return j
}

// Next implements ndjson.Source.
func (j *join) Next() (line []byte, whole bool, err error) {
	if j.end == nil {
		var p *part
		if p, j.end = j.next(); j.end == nil {
			j.last = p
			line, whole, j.end = p.take()
		}
	}
	if j.end != nil {
		return nil, false, j.end
	}
	return line, whole, nil
}

// Fault implements ndjson.Source.
func (j *join) Fault(err error) error {
	if len(j.rest) > 0 {
		err = fmt.Errorf("%s: %w", j.last.path, err)
	}
	return j.last.lines.Fault(err)
}

// Cut implements ndjson.Source.
func (j *join) Cut() error {
	j.end = format.ErrCut
	return j.end
}

// next returns the part that has the next line.
func (j *join) next() (*part, error) {
	switch typ := j.lead.peek(); typ {
	case ndjson.TypeTrace:
		return j.lead, j.trace(j.lead)
	case ndjson.TypeTraceExt:
		return j.ext()
	case ndjson.TypeRun, ndjson.TypeResume, ndjson.TypeSummary, ndjson.TypeCycleStop:
		return j.between(typ)
	case "":
		if j.lead.ended() {
			return j.rests()
		}
	}
	return j.lead, nil
}

// trace notes the trace in the next line of p.
func (j *join) trace(p *part) (err error) {
	j.path, err = ndjson.PathOf(p.line)
	if err != nil && p.whole {
		return p.lines.Fault(err)
	}
	return nil
}

// ext returns the part that has the trace of the trace-ext record in the next line, or the record
// if its trace has come.
func (j *join) ext() (*part, error) {
	path, err := ndjson.PathOf(j.lead.line)
	switch {
	case err != nil:
		return j.lead, nil // its reader reports it
	case path == j.path:
		j.path = ""
		return j.lead, nil
	case j.data == nil && len(j.rest) == 0 && j.path == "":
		return nil, fmt.Errorf("%w: the traces of %s are in another file; give both", ErrMissing, j.lead.path)
	case j.data == nil || j.path != "":
		return nil, fmt.Errorf("%w: %s has no trace to %s where %s needs it", ErrForeign, j.dataPath(), path, j.lead.path)
	case j.data.ended():
		if j.data.err == io.EOF || errors.Is(j.data.err, format.ErrCut) {
			return nil, fmt.Errorf("%s has no trace to %s, and %s has its trace-ext record: %w, %w", j.data.path, path, j.lead.path, ErrMissing, format.ErrCut)
		}
		return nil, j.data.err
	case j.data.typ == ndjson.TypeTrace:
		return j.data, j.trace(j.data)
	}
	return j.data, nil
}

// dataPath names the file that should have traces.
func (j *join) dataPath() string {
	if j.data != nil {
		return j.data.path
	}
	return j.lead.path
}

// between is called before a record of that type in the lead. It returns a part with a reply that
// comes before the record, or else the lead.
func (j *join) between(typ string) (*part, error) {
	if n := j.lead.lines.Number(); n != j.at.line {
		j.at.line = n
		j.at.bad = typ != ndjson.TypeCycleStop && json.Unmarshal(j.lead.line, &j.at) != nil
	}
	if j.at.bad {
		return j.lead, nil // its reader reports it
	}
	for _, p := range j.rest {
		switch p.peek() {
		case ndjson.TypeReply:
		case ndjson.TypeTrace:
			if typ == ndjson.TypeRun || typ == ndjson.TypeResume {
				continue // it follows
			}
			return nil, fmt.Errorf("%w: %s has traces that %s does not have", ErrForeign, p.path, j.lead.path)
		default:
			if p.ended() && p.err != io.EOF {
				return nil, fmt.Errorf("%s: %w", p.path, p.err)
			}
			continue
		}
		var reply struct {
			Run  string `json:"run"`
			RxUs int64  `json:"rx_us"`
		}
		if json.Unmarshal(p.line, &reply) != nil {
			return p, nil // its reader reports it
		}
		switch {
		case typ == ndjson.TypeRun && reply.Run != j.run, typ == ndjson.TypeResume && reply.RxUs >= j.at.TimeUs:
			continue // it follows
		case reply.Run == j.run, typ == ndjson.TypeSummary, typ == ndjson.TypeCycleStop:
			return p, nil
		}
		return nil, fmt.Errorf("%w: %s has replies of run %s, and %s of run %s", ErrForeign, p.path, reply.Run, j.lead.path, j.run)
	}
	if typ == ndjson.TypeRun {
		j.run = j.at.Run
	}
	return j.lead, nil
}

// rests returns a part with lines after the end of the lead, whose writer was killed.
func (j *join) rests() (*part, error) {
	for _, p := range j.rest {
		if !p.ended() {
			return p, nil
		}
	}
	return nil, j.lead.err
}
