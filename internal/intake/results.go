package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/warts"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// isResults reports whether a file that begins with head is one of results, and no list: JSON,
// the binary formats, and the text of traceroute. Rows of numbers, as of yarrp, might be lists.
func isResults(head []byte) bool {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if rest, ok := bytes.CutPrefix(head, []byte("[")); ok { // an address may have brackets
		return bytes.HasPrefix(bytes.TrimSpace(rest), []byte("{"))
	}
	for _, begin := range []string{"{", "PAR1", "traceroute to ", "traceroute6 to ", "tcptraceroute to "} {
		if bytes.HasPrefix(head, []byte(begin)) {
			return true
		}
	}
	return warts.Format.Begins(head)
}

// results adds the targets of a file of results in any format: of the traces for which all
// conditions hold. If the file has no traces, they are those of its replies.
func (r *reader) results(name string, in io.Reader, _ int64) error {
	f, err := all.New(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	traces, replies := 0, new(target.Lines)
	for {
		rec, err := f.Read()
		if err == io.EOF {
			break
		}
		if errors.Is(err, format.ErrCut) {
			return fmt.Errorf("%s is cut, behind %d traces: %w", name, traces, err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch rec := rec.(type) {
		case *record.Trace:
			if traces++; traces == 1 {
				replies = nil
			}
			if r.holds(rec) {
				r.out.AddAddr(rec.Target)
			}
		case *record.Reply:
			if replies != nil && len(r.where) == 0 {
				replies.AddAddr(rec.Target)
			}
		case *record.Multipath:
			if replies != nil && len(r.where) == 0 {
				replies.AddAddr(rec.Target)
			}
		}
	}
	switch {
	case traces == 0 && len(r.where) > 0:
		return fmt.Errorf("%s has no traces, to which the conditions apply", name)
	case traces == 0 && replies.IsEmpty():
		return fmt.Errorf("%s has no traces and no replies", name)
	case traces == 0:
		r.out.AddLines(replies)
	}
	return nil
}
