package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/jsonscan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Decoder decodes single lines. It is used by one goroutine at a time; its zero value is ready.
type Decoder struct{ r Reader }

// Decode returns the record in a line that ReadLine returned, nil if it is of a type that
// is not known or a trace-ext record. A trace is Bare.
func (d *Decoder) Decode(line []byte) (record.Record, error) {
	typ, err := typeOf(line)
	if err != nil || typ == TypeTraceExt {
		return nil, err
	}
	d.r.next, d.r.tcp = ahead{there: true, err: io.EOF}, probe.TCPSYN
	return d.r.read(line)
}

// Decode is that of a new Decoder.
func Decode(line []byte) (record.Record, error) { return new(Decoder).Decode(line) }

// path is the target and the flow of a trace.
type path struct {
	Dst    netip.Addr `json:"dst"`
	UserID int        `json:"userid"`
}

// PathOf returns the target and the flow of a trace or trace-ext record, as a text to compare.
func PathOf(line []byte) (string, error) {
	var p path
	// The hops of a trace, most of its line, have neither key.
	head, _, _ := bytes.Cut(line, []byte(`,"hops":[`))
	if len(head) < len(line) {
		head = append(slices.Clip(head), '}')
	}
	if !p.scan(head) && json.Unmarshal(head, &p) != nil {
		if err := json.Unmarshal(line, &p); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(p.Dst, " flow ", p.UserID), nil
}

// scan reads a line, and reports false if encoding/json must read it.
func (p *path) scan(line []byte) bool {
	var s jsonscan.Scanner
	var got path
	s.Reset(line)
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "dst":
			s.Addr(&got.Dst)
		case "userid":
			got.UserID = s.Small()
		default:
			s.Unknown(key)
		}
	}
	if !s.End() {
		return false
	}
	*p = got
	return true
}

// TypeOf returns the type of the record in line.
func TypeOf(line []byte) (string, error) { return typeOf(line) }

// IsType reports whether a type is one of our records.
func IsType(typ string) bool { return slices.Contains(types[:], typ) }

// typeOf returns the type of the record in line. Our own lines begin with it.
func typeOf(line []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`)); ok {
		for _, typ := range types {
			if len(rest) > len(typ) && string(rest[:len(typ)]) == typ && rest[len(typ)] == '"' {
				return typ, nil
			}
		}
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return "", err
	}
	if head.Type == "" {
		return "", errors.New("a record without a type")
	}
	return head.Type, nil
}
